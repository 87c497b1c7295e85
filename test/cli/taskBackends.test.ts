/** Backends that are configured in Python: who runs tasks in TypeScript has its own for them, or does not start. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { startProgram, temporaryHome } from "./commandLine.ts"

const programs = {
  own: join(import.meta.dirname, "taskProgram.ts"),
  plain: join(import.meta.dirname, "../../src/cli/main.ts")
}

const configured = {
  AIRFLOW__CORE__XCOM_BACKEND: "site.Buckets",
  AIRFLOW__SECRETS__BACKEND: "site.Vault",
  AIRFLOW__WORKERS__SECRETS_BACKEND: "site.WorkersVault",
  AIRFLOW__LOGGING__REMOTE_LOGGING: "True"
}
const adapter = { AIRFLOW__LOGGING__SECRET_MASK_ADAPTER: "site.adapter" }

/** A worker that finds no Airflow here and no site. */
const worker = Effect.fnUntraced(function* (
  which: keyof typeof programs,
  env: Readonly<Record<string, string>>
) {
  const home = yield* temporaryHome
  return yield* startProgram(process.execPath, [programs[which], "worker", "-H", "one"], {
    AIRFLOW_HOME: home,
    AIRFLOW__EDGE__API_URL: "http://127.0.0.1:9/edge_worker/v1/rpcapi",
    AIRFLOW__API_AUTH__JWT_SECRET: "a secret of thirty-two characters",
    PATH: home,
    ...env
  })
})

/** The worker is whole, and lacks only its site. */
const starts = "there is no local Airflow: this worker runs only its tasks in TypeScript"

describe("a worker with tasks in TypeScript", () => {
  it.live("refuses by name what only Python has: 78", () =>
    Effect.gen(function* () {
      const started = yield* worker("own", { ...configured, ...adapter })
      assert.strictEqual(yield* started.ended, 78)
      const said = started.stderr()
      for (const key of [
        '[core] xcom_backend: read "site.Buckets"',
        '[secrets] backend: read "site.Vault"',
        '[workers] secrets_backend: read "site.WorkersVault"',
        '[logging] remote_logging: read "True"',
        '[logging] secret_mask_adapter: read "site.adapter"'
      ])
        assert.include(said, key)
    })
  )

  it.live("of another program refuses it before that program is started", () =>
    Effect.gen(function* () {
      const task = { AIRFLOW__EDGE_WORKER__TASK_PROGRAM: `"${process.execPath}" "no-such-program.js"` }
      const started = yield* worker("plain", { ...configured, ...task })
      assert.strictEqual(yield* started.ended, 78)
      assert.include(started.stderr(), '[core] xcom_backend: read "site.Buckets"')
      assert.notInclude(started.stderr(), "no-such-program.js")
    })
  )

  it.live("whose program has its own is started with those", () =>
    Effect.gen(function* () {
      const started = yield* worker("own", { ...configured, TEST_BACKENDS: "all" })
      yield* started.says(starts)
      for (const what of ["secrets", "xcoms", "logUpload"]) yield* started.says(`made: ${what}`)
    })
  )

  it.live("whose program's backend fails does not start: 78", () =>
    Effect.gen(function* () {
      const started = yield* worker("own", { TEST_BACKENDS: "broken" })
      assert.strictEqual(yield* started.ended, 78)
      assert.include(started.stderr(), "the XComBackend of this program cannot be used: the bucket is gone")
    })
  )
})

describe("a worker without tasks in TypeScript", () => {
  it.live("does not care: Python tasks have those backends themselves", () =>
    Effect.gen(function* () {
      const commands = { AIRFLOW__EDGE_WORKER__COMMANDS: '{"dag.task": ["true"]}' }
      const started = yield* worker("plain", { ...configured, ...adapter, ...commands })
      yield* started.says(starts)
    })
  )
})
