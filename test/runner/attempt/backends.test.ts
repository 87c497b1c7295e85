/** Where secrets come from, what XComs and logs become, and what is refused for lack of a backend. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ConfigInvalid } from "../../../src/config/ConfigInvalid.ts"
import { fromVariables } from "../../../src/runner/attempt/fromVariables.ts"
import { unsupportedBackends } from "../../../src/runner/attempt/unsupportedBackends.ts"
import { XComBackend } from "../../../src/runner/attempt/XComBackend.ts"
import { testSettings } from "../../../src/testing/settings.ts"

const none = { secrets: false, xcoms: false, logUpload: false }

describe("secrets of the worker's variables", () => {
  const env = {
    AIRFLOW_CONN_MY_DB: "postgresql://me:p%40ss@Db.Example:5432/shop?sslmode=require",
    AIRFLOW_CONN_JSON: '{"conn_type": "google-cloud-platform", "port": "1", "extra": {"a": 1}}',
    AIRFLOW_CONN_EMPTY: "",
    AIRFLOW_CONN_WRONG: "a://b:very-secret@c:port",
    AIRFLOW_CONN__RED___DB: "a://b",
    AIRFLOW_VAR_ANY: "value",
    AIRFLOW_VAR_EMPTY: "",
    AIRFLOW_VAR__RED___ANY: "theirs"
  }
  const backend = fromVariables(env, { multiTeam: false })

  it.effect("are connections, as a URI", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* backend.connection("my_db"),
        Option.some({
          conn_id: "my_db",
          conn_type: "postgres",
          host: "db.example",
          schema: "shop",
          login: "me",
          password: "p@ss",
          port: 5432,
          extra: '{"sslmode": "require"}'
        })
      )
    })
  )

  it.effect("or as JSON", () =>
    Effect.gen(function* () {
      const found = Option.getOrThrow(yield* backend.connection("json"))
      assert.deepStrictEqual(
        [found.conn_type, found.port, found.extra, found.host],
        ["google_cloud_platform", 1, '{"a": 1}', null]
      )
    })
  )

  it.effect("are none where the variable is missing or empty", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* backend.connection("other")))
      assert.isTrue(Option.isNone(yield* backend.connection("empty")))
    })
  )

  it.effect("that cannot be read are said to be, without the secret, and may be asked of the site", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(backend.connection("wrong"))
      assert.strictEqual(
        error.message,
        "AIRFLOW_CONN_WRONG cannot be read: its port is no number from 0 to 65535"
      )
      assert.isFalse(error.denied)
    })
  )

  it.effect("are variables, also empty ones", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* backend.variable("any"), Option.some("value"))
      assert.deepStrictEqual(yield* backend.variable("Empty"), Option.some(""))
      assert.isTrue(Option.isNone(yield* backend.variable("other")))
    })
  )

  it.effect("of a team go to no task that names the team", () =>
    Effect.gen(function* () {
      const teams = fromVariables(env, { multiTeam: true })
      assert.isTrue(Option.isNone(yield* teams.connection("_red___db")))
      assert.isTrue(Option.isNone(yield* teams.variable("_red___any")))
      assert.isTrue(Option.isSome(yield* backend.variable("_red___any")))
    })
  )
})

describe("XComs without a backend", () => {
  it.effect("are at the site what the task gave", () =>
    Effect.gen(function* () {
      const backend = yield* XComBackend
      const place = { dag_id: "d", run_id: "r", task_id: "t", map_index: -1, key: "return_value" }
      const value = { a: [1] }
      assert.strictEqual(yield* backend.serialize(value, place), value)
      assert.strictEqual(yield* backend.deserialize(value, place), value)
      yield* backend.purge(value, place)
    }).pipe(Effect.provide(XComBackend.layer))
  )
})

describe("a worker that runs tasks in TypeScript", () => {
  const configured = testSettings({
    xcomBackend: "company.XCom",
    secretsBackend: "company.Vault",
    workersSecretsBackend: "company.WorkerVault",
    remoteLogging: true,
    secretMaskAdapter: "urllib.parse.quote",
    stateStoreBackend: "company.Store"
  })
  const keys = (provided: Partial<typeof none>, settings = configured) =>
    unsupportedBackends(settings, { ...none, ...provided }).map(({ key }) => key)

  it("starts where nothing of the kind is configured", () => {
    assert.deepStrictEqual(keys({}, testSettings()), [])
    assert.deepStrictEqual(keys({}, testSettings({ xcomBackend: "airflow.models.xcom.BaseXCom" })), [])
  })

  it("is refused by the name of each key for which the program has nothing", () => {
    assert.deepStrictEqual(keys({}), [
      "[core] xcom_backend",
      "[workers] secrets_backend",
      "[secrets] backend",
      "[logging] remote_logging",
      "[logging] secret_mask_adapter",
      "[workers] state_store_backend"
    ])
    assert.deepStrictEqual(keys({ xcoms: true, secrets: true, logUpload: true }), [
      "[logging] secret_mask_adapter",
      "[workers] state_store_backend"
    ])
    assert.deepStrictEqual(keys({ secrets: true }, testSettings({ secretsBackend: "x" })), [])
  })

  it("is told what was configured and what to do", () => {
    const { message } = new ConfigInvalid({ mistakes: unsupportedBackends(configured, none) })
    assert.include(message, 'read "company.XCom"; it is Python')
    assert.include(message, "provide an XComBackend in the program")
    assert.include(message, "[edge] push_logs sends logs to the site")
  })
})
