/** Airflow's management API as our central serves it: its answers and texts, who may ask, and what is written down. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Jobs } from "../../src/central/Jobs.ts"
import { knowWorker, submission } from "./jobsHarness.ts"
import { peopleSite } from "./peopleSite.ts"

const base = "/edge_worker/ui"
let site: ReturnType<typeof peopleSite>
beforeAll(async () => {
  site = peopleSite()
  await site.run(knowWorker({ name: "w1", queues: ["gpu"], lastUpdate: 1000, sysinfo: { concurrency: 4 } }))
  await site.run(knowWorker({ name: "gone", state: "offline" }))
  await site.run(Jobs.use((jobs) => jobs.submit(submission({ queue: "gpu" }), "sam")))
})
afterAll(() => site.dispose())

const as = (token: string, method: string, path: string, json?: unknown) =>
  site.call(method, `${base}${path}`, json === undefined ? { token } : { token, json })

describe("reading", () => {
  it("gives workers and jobs as Airflow does", async () => {
    expect((await as("vera", "GET", "/worker?worker_name_pattern=W&state=idle")).json).toEqual({
      workers: [
        {
          worker_name: "w1",
          state: "idle",
          queues: ["gpu"],
          jobs_active: 0,
          sysinfo: { concurrency: 4 },
          maintenance_comments: null,
          team_name: null,
          first_online: "1970-01-01T00:00:00.000Z",
          last_heartbeat: "1970-01-01T00:00:01.000Z"
        }
      ],
      total_entries: 1
    })
    const jobs = await as("vera", "GET", "/jobs?queue_pattern=GP&dag_id_pattern=")
    expect(jobs.json).toMatchObject({
      jobs: [
        { dag_id: "dag", task_id: "task", run_id: "run", try_number: 1, map_index: -1, state: "queued" }
      ],
      total_entries: 1
    })
    expect((await as("vera", "GET", "/jobs?queue_pattern=other")).json).toMatchObject({ total_entries: 0 })
    expect((await as("vera", "GET", "/worker?state=asleep")).status).toBe(422)
  })
})

describe("a change", () => {
  it("follows Airflow's rules in Airflow's words, and stands in the audit log", async () => {
    expect(await as("olga", "POST", "/worker/nobody/maintenance", { maintenance_comment: "" })).toMatchObject(
      {
        status: 404,
        json: { detail: "Worker nobody not found" }
      }
    )
    expect(await as("olga", "POST", "/worker/w1/maintenance", { maintenance_comment: "" })).toMatchObject({
      status: 400,
      json: { detail: "Maintenance comment is required" }
    })
    expect(await as("olga", "PATCH", "/worker/w1/maintenance", { maintenance_comment: "x" })).toMatchObject({
      status: 400,
      json: { detail: "Cannot change maintenance comment as w1 is not in maintenance!" }
    })
    expect(await as("olga", "DELETE", "/worker/w1")).toMatchObject({
      status: 400,
      json: { detail: "Cannot remove edge worker w1 as it is in idle state!" }
    })
    expect((await as("olga", "PATCH", "/worker/w1/concurrency", { concurrency: 0 })).status).toBe(422)
    expect(await site.audits()).toEqual([])

    const asked = await as("olga", "POST", "/worker/w1/maintenance", { maintenance_comment: "new disk" })
    expect(asked).toMatchObject({ status: 200, json: null })
    await as("olga", "PATCH", "/worker/w1/maintenance", { maintenance_comment: "two disks" })
    const { workers } = (await as("vera", "GET", "/worker?worker_name_pattern=w1")).json as {
      readonly workers: ReadonlyArray<{ readonly maintenance_comments: string }>
    }
    const minute = "\\[\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d\\]"
    expect(workers[0]?.maintenance_comments).toMatch(
      new RegExp(
        `^${minute} - olga put node into maintenance mode\n${minute} - olga updated comment:\ntwo disks$`
      )
    )
    for (const [method, path, body] of [
      ["DELETE", "/worker/w1/maintenance", undefined],
      ["PUT", "/worker/w1/queues/fast", undefined],
      ["DELETE", "/worker/w1/queues/gpu", undefined],
      ["PATCH", "/worker/w1/concurrency", { concurrency: 7 }],
      ["POST", "/worker/w1/shutdown", undefined],
      ["DELETE", "/worker/gone", undefined]
    ] as const) {
      expect([path, (await as("olga", method, path, body)).status]).toEqual([path, 200])
    }
    const written = await site.audits()
    expect(written.map(({ action, detail, target, user }) => [user, action, target, detail])).toEqual([
      ["olga", "remove", "gone", null],
      ["olga", "shutdown", "w1", null],
      ["olga", "set concurrency", "w1", "7"],
      ["olga", "remove queue", "w1", "gpu"],
      ["olga", "add queue", "w1", "fast"],
      ["olga", "exit maintenance", "w1", null],
      ["olga", "update maintenance comment", "w1", "two disks"],
      ["olga", "request maintenance", "w1", "new disk"]
    ])
    expect(Math.abs((written[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000)
  })
})

describe("who may ask", () => {
  const reads = ["/worker", "/jobs"]
  const writes = [
    ["POST", "/worker/w1/maintenance"],
    ["PATCH", "/worker/w1/maintenance"],
    ["DELETE", "/worker/w1/maintenance"],
    ["POST", "/worker/w1/shutdown"],
    ["DELETE", "/worker/w1"],
    ["PUT", "/worker/w1/queues/q"],
    ["DELETE", "/worker/w1/queues/q"],
    ["PATCH", "/worker/w1/concurrency"]
  ] as const
  const body = { maintenance_comment: "x", concurrency: 2 }

  it("needs a token for everything: 401, and nothing is done", async () => {
    for (const path of reads) {
      expect((await site.call("GET", `${base}${path}`)).status).toBe(401)
      // a browser's cookie is no token
      expect((await site.call("GET", `${base}${path}`, { as: "olga" })).status).toBe(401)
      expect((await as("eve", "GET", path)).status).toBe(401)
    }
    for (const [method, path] of writes)
      expect((await site.call(method, `${base}${path}`, { json: body })).status).toBe(401)
  })

  it("needs the role: view to read, operate to change", async () => {
    for (const path of reads) {
      expect((await as("otto", "GET", path)).status).toBe(403)
      expect((await as("sue", "GET", path)).status).toBe(403)
    }
    const before = (await site.audits()).length
    for (const [method, path] of writes)
      for (const who of ["vera", "sue"]) {
        const { json, status } = await as(who, method, path, body)
        expect([method, path, status, json]).toEqual([
          method,
          path,
          403,
          { detail: `${who} has no permission to operate` }
        ])
      }
    expect(await site.audits()).toHaveLength(before)
  })

  it("refuses a name that is not ours and a page that is not ours, whatever the token", async () => {
    const foreign = await site.call("GET", `${base}/worker`, { token: "olga", host: "evil.example:8080" })
    expect(foreign.status).toBe(403)
    for (const headers of [{ origin: "http://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      const asked = await site.call("POST", `${base}/worker/w1/shutdown`, { token: "olga", headers })
      expect(asked.status).toBe(403)
    }
  })
})
