/** A worker on a machine where it could run nothing: it says so before it asks its site for anything. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { machine } from "./standaloneSite.ts"

describe("a worker with nothing to run", () => {
  it.live("ends with 78, and names Python, commands and tasks in TypeScript", () =>
    Effect.gen(function* () {
      const { base, start } = yield* machine
      const worker = yield* start(["worker", "-H", "w", "-q", "a"], {
        AIRFLOW_HOME: base,
        AIRFLOW__EDGE__API_URL: "http://127.0.0.1:1/edge_worker/v1/rpcapi",
        AIRFLOW__API_AUTH__JWT_SECRET: "a-secret-that-is-long-enough-for-every-algorithm-of-a-site-0123456789"
      })
      assert.strictEqual(yield* worker.ended, 78)
      const last = worker.stderr().trimEnd().split("\n").at(-1) ?? ""
      assert.match(last, /^edge-worker: no Python with Apache Airflow was found\. Looked at: /)
      assert.include(last, "[edge_worker] commands, --task-program")
    })
  )
})
