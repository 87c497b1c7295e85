/** submit, cancel and logs in real processes against a central that is scripted: what they ask, print, and end with. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Asked, type Said, scriptedSite } from "../management/site.ts"
import { run, temporaryHome } from "./commandLine.ts"

const job = {
  dag_id: "demo",
  task_id: "hello",
  run_id: "r:1+a",
  try_number: 1,
  map_index: -1,
  task_instance_id: "01900000-0000-7000-8000-000000000000",
  state: "queued",
  queue: "default",
  slots: 1,
  priority: 1,
  team: null,
  worker: null,
  submitted_by: "ada",
  reason: null as string | null,
  claims: 0,
  retries: 0,
  next_try: null as number | null,
  queued: "2026-01-01T00:00:00.000Z",
  last_update: "2026-01-01T00:00:00.000Z"
}
const at = "/sub/central/v1/jobs/demo/hello/r%3A1%2Ba/1/-1"

const central = (answer: (asked: Asked, nth: number) => Said) => {
  let nth = 0
  return scriptedSite((asked) =>
    asked.line.endsWith("/auth/token") ? [201, { access_token: "open" }] : answer(asked, nth++)
  )
}

const command = Effect.fnUntraced(function* (
  { url }: Effect.Success<ReturnType<typeof central>>,
  args: ReadonlyArray<string>
) {
  const home = yield* temporaryHome
  writeFileSync(join(home, "conf.json"), '{"b": [1, 2]}')
  return yield* run(
    home,
    args.map((word) => word.replace("HOME", home)),
    { AIRFLOW__EDGE_WORKER__MANAGEMENT_URL: `${url}/sub`, AIRFLOW__EDGE_WORKER__MANAGEMENT_TOKEN: "t0ken" }
  )
})

describe("submit", () => {
  it.live("gives the job to the central, with the token, and prints its key", () =>
    Effect.gen(function* () {
      const here = yield* central(() => [201, job])
      const more = ["--retries", "2", "--retry-delay", "60"]
      const all = ["-q", "gpu", "--slots", "2", "--priority", "-3", "--run-id", "r:1+a", ...more, "--conf"]
      const done = yield* command(here, ["submit", "demo", "hello", ...all, '{"a": 1}'])
      assert.deepStrictEqual(done, { code: 0, stderr: "", stdout: "demo.hello run=r:1+a try=1 queued\n" })
      assert.deepStrictEqual(here.asked, [
        {
          line: "POST /sub/central/v1/jobs",
          authorization: "Bearer t0ken",
          body: JSON.stringify({
            dag_id: "demo",
            task_id: "hello",
            run_id: "r:1+a",
            queue: "gpu",
            slots: 2,
            priority: -3,
            conf: { a: 1 },
            retries: 2,
            retry_delay: 60
          })
        }
      ])
    })
  )

  it.live("waits for the end, with its input from a file", () =>
    Effect.gen(function* () {
      const here = yield* central((_, nth) =>
        nth === 0
          ? [201, job]
          : [
              200,
              {
                ...job,
                state: nth === 1 ? "running" : "failed",
                reason: nth === 1 ? null : "w1 is gone\u001b[2J"
              }
            ]
      )
      const args = ["submit", "demo", "hello", "--conf", "@HOME/conf.json", "--wait"]
      const { code, stderr, stdout } = yield* command(here, args)
      assert.deepStrictEqual(
        [code, stdout, stderr],
        [
          1,
          "demo.hello run=r:1+a try=1 queued\ndemo.hello run=r:1+a try=1 failed (w1 is gone\\x1b[2J)\n",
          "edge-worker: the job has ended: failed, w1 is gone\\x1b[2J. Its log: edge-worker logs demo hello r:1+a\n"
        ]
      )
      assert.deepStrictEqual(JSON.parse(here.asked[0]?.body ?? "").conf, { b: [1, 2] })
      assert.deepStrictEqual(
        here.asked.slice(1).map(({ line }) => line),
        [`GET ${at}`, `GET ${at}`]
      )
    })
  )

  it.live("says once what a job waits for that no worker takes", () =>
    Effect.gen(function* () {
      const here = yield* central(({ line }, nth) =>
        line.includes("/worker")
          ? [200, { workers: [], total_entries: 0 }]
          : [nth === 0 ? 201 : 200, nth < 8 ? job : { ...job, state: "success" }]
      )
      const done = yield* command(here, ["submit", "demo", "hello", "--wait", "--json"])
      assert.strictEqual(
        done.stderr,
        "no worker that is online serves the queue default: the job waits for one, as in edge-worker worker -q default\n"
      )
      assert.deepStrictEqual([done.code, JSON.parse(done.stdout).state], [0, "success"])
      assert.strictEqual(here.asked.filter(({ line }) => line.includes("/worker")).length, 1)
    })
  )

  it.live("waits all the same where the workers cannot be asked for", () =>
    Effect.gen(function* () {
      const here = yield* central(({ line }, nth) =>
        line.includes("/worker")
          ? [403, { detail: "no permission to view" }]
          : [nth === 0 ? 201 : 200, nth < 7 ? job : { ...job, state: "success" }]
      )
      const done = yield* command(here, ["submit", "demo", "hello", "--wait"])
      assert.deepStrictEqual([done.code, done.stderr], [0, ""])
    })
  )

  it.live("waits for the tries that follow as well", () =>
    Effect.gen(function* () {
      const tried = { ...job, retries: 1 }
      const answers: ReadonlyArray<Said> = [
        [201, tried],
        [200, { ...tried, state: "failed", next_try: 2 }],
        [200, { ...tried, try_number: 2, state: "success" }]
      ]
      const here = yield* central((_, nth) => answers[nth] ?? [500, {}])
      const done = yield* command(here, ["submit", "demo", "hello", "--retries", "1", "--wait"])
      assert.deepStrictEqual(done, {
        code: 0,
        stdout: "demo.hello run=r:1+a try=1 queued\ndemo.hello run=r:1+a try=2 success\n",
        stderr: "try 1 has failed, try 2 of 2 follows\n"
      })
      assert.strictEqual(here.asked[2]?.line, `GET ${at.replace("/1/-1", "/2/-1")}`)
    })
  )

  it.live("says what is wrong: in the command line, at the central, with the address", () =>
    Effect.gen(function* () {
      const here = yield* central(() => [409, { detail: "there is a job demo.hello run=r try=1 already" }])
      const folder = yield* command(here, ["submit", "..", "hello"])
      assert.deepStrictEqual(
        [folder.code, folder.stderr],
        [
          64,
          "edge-worker submit: DAG_ID: expected letters, digits, _, - and ., but not . or .. alone\nSee edge-worker submit --help\n"
        ]
      )
      const all = ["--retries", "-1", "--retry-delay", "-1", "--run-id", "a b"]
      assert.strictEqual(
        (yield* command(here, ["submit", "demo", "hello", ...all])).stderr,
        [
          "edge-worker submit:",
          "  - --run-id: expected the characters A-Z a-z 0-9 _ . ~ : + -, but not . or .. alone",
          "  - --retries: expected a value between 0 and 1000",
          "  - --retry-delay: expected a value between 0 and 31536000",
          "See edge-worker submit --help",
          ""
        ].join("\n")
      )
      const noJson = yield* command(here, ["submit", "demo", "hello", "--conf", "{"])
      assert.deepStrictEqual(
        [noJson.code, noJson.stderr],
        [64, "edge-worker submit: --conf is no JSON\nSee edge-worker submit --help\n"]
      )
      assert.deepStrictEqual(here.asked, [])
      const twice = yield* command(here, ["submit", "demo", "hello", "--json"])
      assert.deepStrictEqual(
        [twice.code, twice.stderr],
        [65, "edge-worker: there is a job demo.hello run=r try=1 already\n"]
      )
      const airflow = yield* central(() => [404, { detail: "Not Found" }])
      const wrong = yield* command(airflow, ["submit", "demo", "hello"])
      assert.strictEqual(wrong.code, 69)
      assert.include(wrong.stderr, "there is no edge-worker central at")
    })
  )
})

describe("cancel", () => {
  it.live("names the attempt and the mapped task, and prints JSON for a program", () =>
    Effect.gen(function* () {
      const gone = { ...job, state: "removed", reason: "cancelled by ada" }
      const here = yield* central(() => [200, gone])
      const args = ["cancel", "demo", "hello", "r:1+a", "--try", "2", "--map-index", "3", "--json"]
      const { code, stderr, stdout } = yield* command(here, args)
      assert.deepStrictEqual([code, stderr, JSON.parse(stdout)], [0, "", gone])
      assert.deepStrictEqual(
        here.asked.map(({ line }) => line),
        [`POST ${at.replace("/1/-1", "/2/3")}/cancel`]
      )
    })
  )

  it.live("ends with 77 where it is not allowed, 65 where the job has ended", () =>
    Effect.gen(function* () {
      for (const [status, detail, code] of [
        [403, "vera has no permission to operate", 77],
        [
          404,
          "there is no such job: demo.hello run=r try=1; edge-worker list-jobs shows those there are",
          65
        ],
        [409, "the job has ended already: success", 65]
      ] as const) {
        const said = status === 404 ? "there is no such job" : detail
        const here = yield* central(() => [status, { detail: said }])
        const done = yield* command(here, ["cancel", "demo", "hello", "r"])
        assert.strictEqual(done.code, code)
        assert.include(done.stderr, detail)
      }
    })
  )
})

describe("logs", () => {
  const part = (text: string, next: number, state = "running", ended = false): Said => [
    200,
    { text, next, state, ended }
  ]

  it.live("prints what is there in whole lines for a person, and ends", () =>
    Effect.gen(function* () {
      const line = '{"timestamp":"2026-01-01T00:00:00Z","level":"error","event":"oh \\u001b[2J"}'
      const parts = [`one\n${line.slice(0, 30)}`, `${line.slice(30)}\n`, "\u001b[1mend"]
      const here = yield* central((_, nth) => (nth === 0 ? [200, job] : part(parts[nth - 1] ?? "", nth)))
      const done = yield* command(here, ["logs", "demo", "hello", "r:1+a"])
      assert.deepStrictEqual([done.code, done.stderr], [0, ""])
      assert.match(done.stdout, /^one\n\d\d:\d\d:\d\d {2}! oh \\x1b\[2J\n\\x1b\[1mend\n$/)
    })
  )

  it.live("--raw prints it as it is", () =>
    Effect.gen(function* () {
      const here = yield* central((_, nth) => (nth === 0 ? part("one\n\u001b[1mtwo", 12) : part("", 12)))
      const done = yield* command(here, ["logs", "--raw", "demo", "hello", "r:1+a", "--try", "1"])
      assert.deepStrictEqual(done, { code: 0, stderr: "", stdout: "one\n\u001b[1mtwo" })
      assert.deepStrictEqual(
        here.asked.map(({ line }) => line),
        [`GET ${at}/log?from=0`, `GET ${at}/log?from=12`]
      )
    })
  )

  it.live("-f goes on through an outage until the job has ended, and ends as the job did", () =>
    Effect.gen(function* () {
      const answers: ReadonlyArray<Said> = [
        [200, job],
        part("one\n", 4),
        [502, "<html>bad gateway</html>"],
        part("two\n", 8, "success"),
        part("", 8, "success", true),
        [200, { ...job, state: "success" }]
      ]
      const here = yield* central((_, nth) => answers[nth] ?? [500, {}])
      const { code, stderr, stdout } = yield* command(here, ["logs", "-f", "demo", "hello", "r:1+a"])
      assert.deepStrictEqual([code, stdout], [0, "one\ntwo\n"])
      assert.match(stderr, /^waiting: HTTP 502 from [^\n]*\n$/)
      assert.strictEqual(here.asked[4]?.line, `GET ${at}/log?from=8`)
    })
  )

  it.live("-f ends with 1 where the job has failed", () =>
    Effect.gen(function* () {
      const here = yield* central((_, nth) =>
        nth === 1 ? part("", 0, "failed", true) : [200, { ...job, state: "failed" }]
      )
      const done = yield* command(here, ["logs", "-f", "demo", "hello", "r"])
      assert.deepStrictEqual(done, {
        code: 1,
        stderr: "edge-worker: the job has ended: failed\n",
        stdout: ""
      })
    })
  )

  it.live("shows the last try's, and with -f the next ones as they begin", () =>
    Effect.gen(function* () {
      const [one, two, three] = [1, 2, 3].map((attempt) => ({ ...job, retries: 2, try_number: attempt }))
      const answers: ReadonlyArray<Said> = [
        [200, { ...one, state: "failed", next_try: 2 }],
        [200, { ...two, state: "running" }],
        part("two\n", 4, "failed"),
        part("", 4, "failed", true),
        [200, { ...two, state: "failed", next_try: 3 }],
        part("three\n", 6, "success"),
        part("", 6, "success", true),
        [200, { ...three, state: "success" }]
      ]
      const here = yield* central((_, nth) => answers[nth] ?? [500, {}])
      const done = yield* command(here, ["logs", "-f", "demo", "hello", "r:1+a"])
      assert.deepStrictEqual(done, {
        code: 0,
        stdout: "two\nthree\n",
        stderr: "try 2 has failed, try 3 of 3 follows\n"
      })
      assert.deepStrictEqual(
        [2, 5].map((nth) => here.asked[nth]?.line),
        [2, 3].map((attempt) => `GET ${at.replace("/1/-1", `/${attempt}/-1`)}/log?from=0`)
      )
    })
  )

  it.live("-f of one try alone ends with that", () =>
    Effect.gen(function* () {
      const failed = { ...job, retries: 1, state: "failed", next_try: 2 }
      const here = yield* central((_, nth) => (nth === 0 ? part("", 0, "failed", true) : [200, failed]))
      const done = yield* command(here, ["logs", "-f", "--try", "1", "demo", "hello", "r"])
      assert.deepStrictEqual([done.code, here.asked.length], [1, 2])
    })
  )
})
