/** The commands in real processes against a site that is scripted: what they ask, print, refuse, and end with. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { managementCommands } from "../../../src/cli/management/managementCommands.ts"
import { listed, type Said, scriptedSite } from "../../management/site.ts"
import { run, temporaryHome } from "../commandLine.ts"

const workers = [
  listed("gpu-1", { queues: ["gpu", "big"] }),
  listed("gpu-2", { queues: null, state: "offline" }),
  listed("old-gpu-1", {
    queues: ["gpu"],
    state: "maintenance mode",
    maintenance_comments: "[2026] - me\nwhy"
  })
]

/** A site with three workers, which takes each change unless it is told what to say. */
const site = (says: Readonly<Record<string, Said>> = {}) =>
  scriptedSite(({ line }) => {
    const own = says[line]
    if (own !== undefined) return own
    if (line === "GET /auth/token") return [201, { access_token: "open" }]
    if (line.startsWith("GET /edge_worker/ui/worker")) return [200, { workers, total_entries: 3 }]
    return [200, null]
  })

type Site = Effect.Success<ReturnType<typeof site>>

const command = Effect.fnUntraced(function* (
  { url }: Site,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
) {
  return yield* run(yield* temporaryHome, args, { AIRFLOW__EDGE_WORKER__MANAGEMENT_URL: url, ...env })
})

/** What the site was asked to change. */
const changes = ({ asked }: Site) =>
  asked.filter(({ line }) => !line.startsWith("GET")).map(({ line }) => line)

describe("list-workers", () => {
  it.live("filters again what the site's filter lets through: the whole name, exact queues", () =>
    Effect.gen(function* () {
      const here = yield* site()
      const args = [
        "list-workers",
        "--worker-name-pattern",
        "gpu-*",
        "-s",
        "idle",
        "offline",
        "-qgpu",
        "-ojson"
      ]
      const { code, stderr, stdout } = yield* command(here, args)
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.deepStrictEqual(
        JSON.parse(stdout).map((row: { worker_name: string }) => row.worker_name),
        ["gpu-1"]
      )
      assert.strictEqual(
        here.asked[1]?.line,
        "GET /edge_worker/ui/worker?worker_name_pattern=gpu-&state=idle&state=offline"
      )
    })
  )

  it.live("a state that does not exist is a mistake", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* command(yield* site(), ["list-workers", "-s", "ilde"])
      assert.strictEqual(code, 64)
      assert.include(stderr, 'there is no state "ilde"')
    })
  )
})

describe("a change", () => {
  it.live("is told on stderr, and asked for by name; of several -H the last counts", () =>
    Effect.gen(function* () {
      const here = yield* site()
      const name = "remote-edge-worker-request-maintenance"
      const done = yield* command(here, [name, "-H", "gpu-2", "-H", "gpu-1", "-c", "new disk"])
      assert.deepStrictEqual(done, { code: 0, stdout: "", stderr: "gpu-1 has been put on maintenance.\n" })
      assert.deepStrictEqual(changes(here), ["POST /edge_worker/ui/worker/gpu-1/maintenance"])
    })
  )

  it.live("that the site's rules forbid ends with 65, its words and what to do", () =>
    Effect.gen(function* () {
      const here = yield* site({
        "DELETE /edge_worker/ui/worker/gpu-1": [
          400,
          { detail: "Cannot remove edge worker gpu-1 as it is in idle state!" }
        ]
      })
      const { code, stderr } = yield* command(here, ["remove-remote-edge-worker", "-H", "gpu-1"])
      assert.strictEqual(code, 65)
      assert.strictEqual(
        stderr,
        "edge-worker: Cannot remove edge worker gpu-1 as it is in idle state! End it first: edge-worker shutdown-remote-edge-worker -H gpu-1\n"
      )
    })
  )

  it.live("of a worker that the site does not know ends with 68", () =>
    Effect.gen(function* () {
      const here = yield* site({
        "DELETE /edge_worker/ui/worker/no": [404, { detail: "Worker no not found" }]
      })
      for (const name of ["remove-remote-edge-worker", "shutdown-remote-edge-worker"]) {
        const { code, stderr } = yield* command(here, [name, "-H", "no"])
        assert.strictEqual(code, 68)
        assert.strictEqual(stderr, "edge-worker: Edge Worker no is unknown! See edge-worker list-workers\n")
      }
    })
  )

  it.live(
    "that cannot be is not sent",
    () =>
      Effect.gen(function* () {
        const here = yield* site()
        const long = "x".repeat(1000)
        const cases = [
          ["remote-edge-worker-request-maintenance", "-H", "gpu-1", "-c", " "],
          ["remote-edge-worker-request-maintenance", "-H", "gpu-1", "-c", long],
          ["remote-edge-worker-update-maintenance-comment", "-H", "old-gpu-1", "-c", long],
          ["remote-edge-worker-request-maintenance", "-H", "gpu-1"],
          ["add-worker-queues", "-H", "gpu-1", "-q", "a,,b"],
          ["add-worker-queues", "-H", "gpu-1", "-q", "a/b"],
          ["add-worker-queues", "-H", "gpu-1", "-q", "x".repeat(257)],
          ["add-worker-queues", "-H", "gpu-1", "-q", "x".repeat(240)],
          ["set-worker-concurrency", "-H", "gpu-1", "-c", "0"],
          ["shutdown-remote-edge-worker", "-H", "a/b"],
          ["shutdown-all-workers"]
        ]
        for (const args of cases) {
          const { code, stderr } = yield* command(here, args)
          assert.strictEqual(code, 64, `${args.join(" ").slice(0, 80)}: ${stderr}`)
        }
        assert.deepStrictEqual(changes(here), [])
      }),
    60_000
  )

  it.live("of queues says what an empty list means", () =>
    Effect.gen(function* () {
      const here = yield* site()
      const removed = yield* command(here, ["remove-worker-queues", "-H", "gpu-1", "-q", "gpu,big,other"])
      assert.strictEqual(removed.code, 0)
      assert.include(removed.stderr, "It did not serve by name: other.")
      assert.include(removed.stderr, "it serves EVERY queue")
      const added = yield* command(here, ["add-worker-queues", "-H", "gpu-2", "-q", "gpu"])
      assert.include(added.stderr, "from now on it serves these alone")
      assert.deepStrictEqual(changes(here), [
        "DELETE /edge_worker/ui/worker/gpu-1/queues/gpu",
        "DELETE /edge_worker/ui/worker/gpu-1/queues/big",
        "DELETE /edge_worker/ui/worker/gpu-1/queues/other",
        "PUT /edge_worker/ui/worker/gpu-2/queues/gpu"
      ])
    })
  )
})

describe("shutdown-all-workers", () => {
  it.live("-y asks all that are not gone, and tells who refused", () =>
    Effect.gen(function* () {
      const here = yield* site({ "POST /edge_worker/ui/worker/gpu-1/shutdown": [400, { detail: "not now" }] })
      const { code, stderr } = yield* command(here, ["shutdown-all-workers", "-y"])
      assert.strictEqual(code, 65)
      assert.include(stderr, "Failed to shutdown Edge Worker host gpu-1: not now")
      assert.deepStrictEqual(changes(here), [
        "POST /edge_worker/ui/worker/gpu-1/shutdown",
        "POST /edge_worker/ui/worker/old-gpu-1/shutdown"
      ])
    })
  )
})

describe("--help", () => {
  it.live(
    "of each has examples, its exit codes, and lines that fit",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome
        const names = managementCommands.map(({ name }) => name)
        assert.lengthOf(names, 11)
        yield* Effect.forEach(
          names,
          (name) =>
            Effect.map(run(home, [name, "--help"]), ({ code, stderr, stdout }) => {
              assert.deepStrictEqual([code, stderr], [0, ""])
              assert.include(stdout, "\n\nEXAMPLES\n")
              assert.include(stdout, "Exit codes:\n")
              assert.deepStrictEqual(
                stdout.split("\n").filter((line) => line.length > 112),
                []
              )
            }),
          { concurrency: 2 }
        )
      }),
    60_000
  )
})

describe("the credential", () => {
  it.live("comes from a file, and a refusal does not repeat it", () =>
    Effect.gen(function* () {
      const here = yield* site({ "GET /edge_worker/ui/jobs": [403, { detail: "Forbidden" }] })
      const home = yield* temporaryHome
      const file = join(home, "token")
      writeFileSync(file, "the-token\n")
      const env = { AIRFLOW__EDGE_WORKER__MANAGEMENT_URL: here.url }
      const { code, stderr } = yield* run(home, ["list-jobs", "--token-file", file], env)
      assert.strictEqual(code, 77)
      assert.notInclude(stderr, "the-token")
      assert.deepStrictEqual(
        here.asked.map(({ authorization }) => authorization),
        ["Bearer the-token"]
      )
    })
  )

  it.live("a file that is empty, missing or something else is a mistake that does not show it", () =>
    Effect.gen(function* () {
      const here = yield* site()
      const home = yield* temporaryHome
      const env = { AIRFLOW__EDGE_WORKER__MANAGEMENT_URL: here.url }
      for (const text of ["", "\n", "two words"]) {
        writeFileSync(join(home, "token"), text)
        const { code, stderr } = yield* run(home, ["list-jobs", "--token-file", join(home, "token")], env)
        assert.strictEqual(code, 64, stderr)
        assert.notInclude(stderr, "words")
      }
      const both = yield* run(home, ["list-jobs", "--token-file", "/nowhere", "--user", "me"], env)
      assert.strictEqual(both.code, 64)
      assert.deepStrictEqual(here.asked, [])
    })
  )
})
