/** The airflow runner with the supervisor of a real Airflow, and no site: needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../../../src/config/EdgeConfig.ts"
import { LocalAirflow } from "../../../src/platform/LocalAirflow.ts"
import { Processes } from "../../../src/platform/Processes.ts"
import { Runner } from "../../../src/runner/Runner.ts"
import { testSettings } from "../../../src/testing/settings.ts"
import { runnerLayer, scratchFolder, startLayer } from "../../runner/runnerLayer.ts"
import { jobOf } from "../../suites/runner.ts"
import { python } from "./python.ts"

/** A port where nobody listens; the client's retries are cut short. */
const unreachable = "http://127.0.0.1:9/execution/"

const begin = Effect.fnUntraced(function* (fresh: boolean, runs = "airflow") {
  const state = yield* scratchFolder
  const { context } = yield* startLayer(
    runnerLayer({
      folder: state,
      python,
      runs,
      settings: {
        executionApiUrl: unreachable,
        executeTasksNewPythonInterpreter: fresh,
        airflowHome: state,
        outageTolerance: Duration.zero
      },
      env: {
        AIRFLOW_HOME: state,
        AIRFLOW__WORKERS__EXECUTION_API_RETRIES: "1",
        PYTHONPATH: import.meta.dirname
      }
    })
  )
  return { state, runner: yield* Effect.provide(Runner, context) }
})

describe("airflow runner with Airflow's supervisor", () => {
  for (const fresh of [false, true]) {
    it.live(
      `a task whose site cannot be reached fails and says why (${fresh ? "fresh interpreter" : "host"})`,
      () =>
        Effect.gen(function* () {
          const { runner, state } = yield* begin(fresh)
          const job = jobOf(state, "ok")
          const running = yield* runner.start(job)
          const outcome = yield* running.outcome
          assert.strictEqual((running.handle as { readonly host: string | null }).host === null, fresh)
          assert.strictEqual(outcome._tag, "Failed")
          if (outcome._tag !== "Failed") return
          assert.strictEqual(outcome.exitCode, 1)
          assert.include(outcome.stderr, "Connection refused")
          assert.notInclude(outcome.stderr, "only-for-this-task")
        })
    )
  }

  it.live("a workload that Airflow does not know fails and says why", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin(false)
      const job = jobOf(state, "ok")
      const command = { ...job.claim.job.command, type: "Something" } as never
      const running = yield* runner.start({
        ...job,
        claim: { ...job.claim, job: { ...job.claim.job, command } }
      })
      const outcome = yield* running.outcome
      assert.include(outcome._tag === "Failed" ? outcome.stderr : "", "ValidationError")
    })
  )

  it.live("a job's supervisor finds its imports in the host, and no shared secret in airflow.cfg", () =>
    Effect.gen(function* () {
      const { runner, state } = yield* begin(false, "behaviours:Traced")
      writeFileSync(join(state, "airflow.cfg"), "[api_auth]\njwt_secret = the shared secret\n")
      const job = jobOf(state, "ok")
      yield* (yield* runner.start(job)).outcome
      const seen = JSON.parse(readFileSync(join(job.scratch, "seen"), "utf8"))
      assert.strictEqual(seen.jwt_secret, "")
      assert.deepStrictEqual(seen.imported, [])
    })
  )
})

describe("LocalAirflow and a real installation", () => {
  it.live("its files tell what Python itself tells", () =>
    Effect.gen(function* () {
      const ask =
        "import airflow, platform; from airflow.providers.edge3 import __version__ as edge3; " +
        "print(airflow.__version__, edge3, platform.python_version())"
      const told = execFileSync(python, ["-c", ask], { encoding: "utf8" }).trim().split("\n").at(-1)
      const local = LocalAirflow.layer().pipe(
        Layer.provide(Layer.merge(Processes.layer, Layer.succeed(EdgeConfig, testSettings({ python }))))
      )
      const seen = yield* LocalAirflow.use((airflow) => airflow.current).pipe(Effect.provide(local))
      assert.strictEqual(`${seen.airflow} ${seen.edge3} ${seen.pythonVersion}`, told)
      assert.isTrue(python.startsWith(dirname(seen.python)))
    })
  )
})
