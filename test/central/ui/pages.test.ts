/** The pages: who sees what, what they are made of, and that nothing in them comes alive. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { embedded } from "../../../scripts/embed-ui.ts"
import { Repository } from "../../../src/central/Repository.ts"
import { knowWorker } from "../jobsHarness.ts"
import { peopleSite } from "../peopleSite.ts"
import { jobRecord } from "../records.ts"

let site: ReturnType<typeof peopleSite>
beforeAll(() => {
  site = peopleSite()
})
afterAll(() => site.dispose())

const key = { dag_id: "dag", task_id: "evil", run_id: "run", try_number: 1, map_index: -1 }
const logQuery = "?dag_id=dag&task_id=evil&run_id=run&try_number=1&map_index=-1"

const pages = ["/", "/jobs", `/log${logQuery}`]
const parts = ["/ui/workers", "/ui/jobs", `/ui/log${logQuery}`]

describe("a page", () => {
  it("leads to the login without a credential; a part of a page says so where it is", async () => {
    for (const path of pages) {
      const { headers, status } = await site.call("GET", path)
      expect([path, status, headers.get("location")]).toEqual([path, 303, "login"])
    }
    for (const path of [...parts, "/ui/manage?worker=w1"]) {
      expect([path, (await site.call("GET", path)).status]).toEqual([path, 401])
    }
  })

  it("needs the role view; the dialog needs operate", async () => {
    for (const path of [...pages, ...parts]) {
      expect((await site.call("GET", path, { as: "sue" })).status).toBe(403)
    }
    expect((await site.call("GET", "/ui/manage?worker=w1", { as: "vera" })).status).toBe(403)
    const seen = await site.call("GET", "/", { as: "vera" })
    expect(seen.status).toBe(200)
    expect(seen.text).not.toContain("manage-selection")
    expect((await site.call("GET", "/", { as: "olga" })).text).toContain("manage-selection")
  })

  it("is not given to another name, and none of its files is", async () => {
    for (const path of [...pages, ...parts, "/login", "/ui/assets/app.js"]) {
      for (const host of ["evil.example", "evil.example:8080", "localhost.evil.example"]) {
        expect([path, host, (await site.call("GET", path, { as: "olga", host })).status]).toEqual([
          path,
          host,
          403
        ])
      }
    }
    for (const host of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "central.localhost:8080"]) {
      expect([host, (await site.call("GET", "/", { as: "vera", host })).status]).toEqual([host, 200])
    }
    const named = peopleSite({ publicUrl: new URL("https://central.example/edge/") })
    expect((await named.call("GET", "/", { token: "vera", host: "central.example" })).status).toBe(200)
    await named.dispose()
  })

  it("lets nothing run or load that is not ours, and is neither framed nor kept", async () => {
    for (const path of [...pages, "/login", "/ui/workers", "/ui/assets/htmx.js"]) {
      const { headers } = await site.call("GET", path, { as: "olga" })
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
      )
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      expect(headers.get("x-frame-options")).toBe("DENY")
      expect(headers.get("cache-control")).toBe("no-store")
    }
    for (const path of [...pages, "/login"]) {
      const { text } = await site.call("GET", path, { as: "olga" })
      expect(text).not.toMatch(
        /<script(?! src="ui\/assets\/)|<style| style=| on\w+=|javascript:|hx-on|hx-vals|js:/i
      )
      expect(text).not.toMatch(/(?:src|href|action)="(?:https?:)?\/\//)
    }
  })

  it("serves the files as they lie in the sources", async () => {
    const own = readFileSync(join(import.meta.dirname, "../../../src/central/ui/assets/app.js"), "utf8")
    const { headers, text } = await site.call("GET", "/ui/assets/app.js")
    expect(text).toBe(own)
    expect(headers.get("content-type")).toBe("text/javascript; charset=utf-8")
    const generated = join(import.meta.dirname, "../../../src/central/ui/generated/assets.ts")
    expect(readFileSync(generated, "utf8") === embedded(), "run: node scripts/embed-ui.ts").toBe(true)
  })
})

describe("what a worker or a task says", () => {
  const payloads = [
    "<script>alert(1)</script>",
    `"><img src=x onerror=alert(1)>`,
    `' hx-get='/ui/manage' hx-trigger='load`,
    `x" hx-on:load="alert(1)" data-hx-get="/" y="`,
    "</textarea></dialog><script>alert(1)</script>",
    "\x1b[31mred\x1b]0;title\x07\u202e"
  ]

  it("is text in every field of every page", async () => {
    for (const evil of payloads) {
      const name = evil.slice(0, 64)
      await site.run(
        knowWorker({
          name,
          state: "maintenance mode",
          queues: [evil],
          team: evil,
          maintenanceComment: `[2026-01-01 00:00] - ${evil}\nComment: ${evil}`,
          sysinfo: {
            airflow_version: evil,
            edge_provider_version: evil,
            status: 40,
            status_text: evil,
            concurrency: evil
          }
        })
      )
      const evilKey = { ...key, dag_id: evil, task_id: evil, run_id: evil }
      await site.run(
        Effect.gen(function* () {
          const repository = yield* Repository
          yield* repository.addJob(
            jobRecord("evil", {
              key: evilKey,
              queue: evil,
              worker: evil,
              reason: evil,
              state: "running",
              submittedBy: evil
            })
          )
          yield* repository.appendLog(evilKey, {
            time: "2026-01-01T00:00:00Z",
            text: `${evil}\n${JSON.stringify({ timestamp: evil, level: evil, event: evil, exception: evil })}\n`
          })
        })
      )
      const search = new URLSearchParams({ ...key, dag_id: evil, task_id: evil, run_id: evil } as never)
      const filters = new URLSearchParams({
        name,
        queue: evil,
        dag: evil,
        run: evil,
        task: evil,
        worker: evil
      })
      const seen = [
        `/?${filters}`,
        "/ui/workers",
        `/jobs?${filters}`,
        "/ui/jobs",
        `/log?${search}`,
        `/ui/log?${search}`,
        `/ui/manage?${new URLSearchParams({ worker: name })}`
      ]
      for (const path of seen) {
        const { status, text } = await site.call("GET", path, { as: "olga" })
        expect([path, status]).toEqual([path, 200])
        const tags = text.match(/<[a-z!/][^>]*>/gi) ?? []
        expect(tags.filter((tag) => /^<(?:script(?! src="ui\/assets\/)|img)/i.test(tag))).toEqual([])
        // a quote that got through would end an attribute and begin another one
        for (const tag of tags)
          expect(tag.replace(/="[^"<>]*"|='\{[^'<>]*\}'/g, "")).toMatch(/^<\/?!?[\w-]+(?: [\w-]+)*>$/)
        for (const sign of ["\x1b", "\x07", "\u202e"]) expect(text).not.toContain(sign)
      }
      const dialog = await site.call("GET", seen.at(-1) ?? "", { as: "olga" })
      expect(dialog.text).toContain("Manage ")
    }
  })

  it("is not echoed alive by an action either", async () => {
    for (const evil of payloads) {
      const asked = await site.call("POST", "/ui/workers/change", {
        as: "olga",
        form: { action: "shutdown", worker: `nobody ${evil}` }
      })
      expect(asked.status).toBe(400)
      expect(
        (asked.text.match(/<[^>]*>/g) ?? []).every((tag) => /^<\/?p(?: class="notice")?>$/.test(tag))
      ).toBe(true)
    }
  })
})

describe("an action", () => {
  const change = { action: "maintenance", worker: "w1", comment: "new disk" }
  beforeAll(async () => {
    await site.run(knowWorker({ name: "w1" }))
    await site.run(knowWorker({ name: "w2", state: "offline" }))
    await site.run(Repository.use((repository) => repository.addJob(jobRecord("mine"))))
  })

  it("needs a credential, the role, and a page of ours", async () => {
    const post = (ask: Parameters<typeof site.call>[2]) =>
      site.call("POST", "/ui/workers/change", { form: change, ...ask })
    expect((await post({})).status).toBe(401)
    expect((await post({ as: "eve" })).status).toBe(401)
    expect((await post({ as: "vera" })).status).toBe(403)
    expect((await post({ as: "olga", origin: "http://evil.example" })).status).toBe(403)
    expect((await post({ as: "olga", origin: "http://localhost:9090" })).status).toBe(403)
    expect((await post({ as: "olga", origin: "null" })).status).toBe(403)
    expect((await post({ as: "olga", origin: null })).status).toBe(403)
    expect((await post({ as: "olga", headers: { "sec-fetch-site": "same-site" } })).status).toBe(403)
    expect(await site.audits()).toEqual([])
  })

  it("changes a selection, says what became of each, and is in the audit log", async () => {
    const done = await site.call("POST", "/ui/workers/change", {
      as: "olga",
      form: { ...change, worker: ["w1", "w2"] },
      headers: { "hx-request": "true" }
    })
    expect(done.status).toBe(200)
    expect(done.text).toBe("<p>w1: maintenance is requested</p><p>w2: maintenance is requested</p>")
    expect(done.headers.get("hx-trigger")).toBe("accepted, changed")
    const some = await site.call("POST", "/ui/workers/change", {
      as: "olga",
      form: { action: "add-queue", queue: "gpu", worker: ["w1", "nobody", "w1"] },
      headers: { "hx-request": "true" }
    })
    expect(some.status).toBe(207)
    expect(some.text).toBe('<p>w1: the queue is added</p><p class="notice">Worker nobody not found</p>')
    expect((await site.audits()).map(({ action, target, user }) => [user, action, target])).toEqual([
      ["olga", "add queue", "w1"],
      ["olga", "request maintenance", "w2"],
      ["olga", "request maintenance", "w1"]
    ])
  })

  it("says what is missing", async () => {
    for (const [form, text] of [
      [{ action: "maintenance", worker: "w1", comment: " \r\n" }, "Maintenance comment is required"],
      [{ action: "add-queue", worker: "w1" }, "Which queue?"],
      [
        { action: "concurrency", worker: "w1", concurrency: "1.5" },
        "The concurrency must be a whole number, at least 1"
      ],
      [{ action: "shutdown" }, "Which worker?"],
      [{ action: "constructor", worker: "w1" }, "There is no such action"]
    ] as const) {
      const asked = await site.call("POST", "/ui/workers/change", { as: "olga", form })
      expect([asked.status, asked.text]).toEqual([400, `<p class="notice">${text}</p>`])
    }
  })

  it("cancels a job, unless it has ended", async () => {
    const formOf = (task: string) =>
      Object.fromEntries(Object.entries(jobRecord(task).key).map(([name, value]) => [name, String(value)]))
    const post = (task: string) =>
      site.call("POST", "/ui/jobs/cancel", {
        as: "olga",
        form: formOf(task),
        headers: { "hx-request": "true" }
      })
    expect((await post("mine")).status).toBe(200)
    expect((await site.audits())[0]).toMatchObject({ user: "olga", action: "cancel" })
    const seen = await site.call("GET", "/ui/jobs", { as: "vera" })
    expect(seen.text).toContain("cancelled by olga")
    await site.run(Repository.use((repository) => repository.addJob(jobRecord("over", { state: "success" }))))
    expect((await post("over")).status).toBe(409)
    expect((await post("none")).status).toBe(404)
  })
})

describe("a log", () => {
  it("comes in whole lines, and goes on where it stopped", async () => {
    const own = { ...key, task_id: "talks" }
    const append = (at: number, text: string) =>
      site.run(
        Repository.use((repository) => repository.appendLog(own, { time: `2026-01-01T00:00:0${at}Z`, text }))
      )
    await site.run(
      Repository.use((repository) => repository.addJob(jobRecord("talks", { key: own, state: "running" })))
    )
    const address = "/ui/log?dag_id=dag&task_id=talks&run_id=run"
    await append(
      1,
      '{"timestamp":"2026-01-01T00:00:01.123456Z","level":"info","event":"hello","n":1}\nsecond li'
    )
    const first = await site.call("GET", address, { as: "vera" })
    expect(first.text).toContain('<span class="level info">INFO</span> hello n=1\n')
    expect(first.text).not.toContain("second")
    const next = /from=(\d+)/.exec(first.text)?.[1]
    await append(2, "ne\n")
    const second = await site.call("GET", `${address}&from=${next}`, { as: "vera" })
    expect(second.text).toMatch(/^second line\n<span id="more"/)
    expect(
      (await site.call("GET", "/ui/log?dag_id=dag&task_id=none&run_id=run", { as: "vera" })).status
    ).toBe(404)
  })
})

describe("the jobs", () => {
  it("say which try they are, whether one follows, and when", async () => {
    const retries = peopleSite()
    const { key: first } = jobRecord("t")
    const add = (job: ReturnType<typeof jobRecord>) =>
      retries.run(Repository.use((store) => store.addJob(job)))
    await add(jobRecord("t", { state: "failed", retries: 2, retried: true }))
    const waiting = jobRecord("t", { state: "up_for_retry", retries: 2, queuedAt: Date.now() + 300_000 })
    await add({ ...waiting, key: { ...first, try_number: 2 } })
    await add(jobRecord("later", { state: "up_for_reschedule" }))
    const { text } = await retries.call("GET", "/jobs", { as: "olga" })
    const rows = text.split('<tr role="row" id=').slice(1)
    const row = (...words: ReadonlyArray<string>) =>
      rows.filter((one) => words.every((word) => one.includes(word))).length
    expect(row("1 of 3", "has failed", "<small>try 2 follows</small>", "d ago</time>")).toBe(1)
    expect(row("2 of 3", "waits for its next try", "in 5 min</time>", "Cancel")).toBe(1)
    expect(row("later", "has asked to run again later")).toBe(1)
    await retries.dispose()
  })
})

describe("a long list", () => {
  const seenIn = (text: string) => /id="seen" value="([^"]*)"/.exec(text)?.[1] ?? ""
  const rows = (text: string) => text.match(/<tr role="row" id=/g)?.length ?? 0

  it("comes in pages, which keep the filters", async () => {
    const long = peopleSite()
    for (let at = 0; at < 250; at++) {
      await long.run(knowWorker({ name: `w${String(at).padStart(3, "0")}` }))
      await long.run(Repository.use((store) => store.addJob(jobRecord(`t${at}`, { queuedAt: at }))))
    }
    const at = (path: string) => long.call("GET", path, { as: "olga" }).then(({ text }) => text)
    const first = await at("/?name=w&page=1")
    expect([rows(first), first.includes("250 workers"), first.includes('rel="prev"')]).toEqual([
      100,
      true,
      false
    ])
    expect(first).toContain('<a rel="next" href="./?name=w&amp;page=2">')
    const last = await at("/ui/workers?page=3&seen=x")
    expect([rows(last), last.includes("w249"), last.includes('rel="next"')]).toEqual([50, true, false])
    for (const odd of ["99", "-1", "x", "1e99"]) expect(rows(await at(`/ui/workers?page=${odd}`))).not.toBe(0)
    const jobs = [await at("/jobs"), await at("/jobs?page=2"), await at("/ui/jobs?page=3")]
    expect(jobs.map(rows)).toEqual([100, 100, 50])
    const tasks = jobs.flatMap((text) => [...text.matchAll(/<td role="cell" data-label="Task"><div>(t\d+)/g)])
    expect(new Set(tasks.map(([, task]) => task)).size).toBe(250)
    await long.dispose()
  })

  it("is not sent again while nothing in it has changed, however long that is", async () => {
    const quiet = peopleSite()
    await quiet.run(knowWorker({ name: "w", lastUpdate: Date.now() - 60_000 }))
    await quiet.run(Repository.use((store) => store.addJob(jobRecord("t"))))
    for (const [page, part] of [
      ["/", "/ui/workers"],
      ["/jobs", "/ui/jobs"]
    ] as const) {
      const seen = seenIn((await quiet.call("GET", page, { as: "olga" })).text)
      expect(seen).not.toBe("")
      const again = await quiet.call("GET", `${part}?seen=${seen}`, { as: "olga" })
      expect([again.status, again.text]).toEqual([204, ""])
      // who may do less sees another list
      expect((await quiet.call("GET", `${part}?seen=${seen}`, { as: "vera" })).status).toBe(200)
    }
    const seen = seenIn((await quiet.call("GET", "/ui/workers", { as: "olga" })).text)
    await quiet.run(knowWorker({ name: "w", lastUpdate: Date.now() }))
    const changed = await quiet.call("GET", `/ui/workers?seen=${seen}`, { as: "olga" })
    expect(changed.status).toBe(200)
    expect(seenIn(changed.text)).not.toBe(seen)
    await quiet.dispose()
  })
})
