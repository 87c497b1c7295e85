/** taskEnvironment: what tasks are told, and which secrets they never get. */
import { assert, describe, it } from "@effect/vitest"
import { outageTolerance } from "../../src/runner/outageTolerance.ts"
import { taskEnvironment } from "../../src/runner/taskEnvironment.ts"

const options = {
  workerName: "factory-7",
  executionApiUrl: "https://site.test/execution/",
  baseLogFolder: "/logs/100%",
  hasEdge3: true,
  tolerance: { AIRFLOW__WORKERS__EXECUTION_API_RETRIES: "33" }
}

describe("taskEnvironment", () => {
  it("adds what edge3 5.1.0 gives its tasks, and where the worker reads their logs", () => {
    assert.deepStrictEqual(taskEnvironment({}, options), {
      AIRFLOW__API_AUTH__JWT_SECRET: "",
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: "https://site.test/execution/",
      AIRFLOW__CORE__HOSTNAME_CALLABLE: "airflow.providers.edge3.cli.worker._edge_hostname",
      AIRFLOW__LOGGING__BASE_LOG_FOLDER: "/logs/100%",
      AIRFLOW__WORKERS__EXECUTION_API_RETRIES: "33",
      HOSTNAME: "factory-7",
      _AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK: "1"
    })
    const without = taskEnvironment({}, { ...options, hasEdge3: false })
    assert.notProperty(without, "AIRFLOW__CORE__HOSTNAME_CALLABLE")
  })

  for (const name of [
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD",
    "AIRFLOW__API_AUTH__JWT_SECRET_SECRET",
    "AIRFLOW__BLUE___API_AUTH__JWT_SECRET",
    "AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH",
    "AIRFLOW__CORE__INTERNAL_API_SECRET_KEY",
    "AIRFLOW__CORE__INTERNAL_API_SECRET_KEY_CMD",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC_SECRET",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
    "AIRFLOW__EDGE_WORKER__PYTHON",
    "AIRFLOW__BLUE___EDGE_WORKER__STATE_FOLDER",
    "AIRFLOW__EDGE_CENTRAL__DATABASE_URL",
    "EDGE_WORKER_JOB"
  ]) {
    it(`keeps ${name} to the worker`, () => {
      assert.notProperty(taskEnvironment({ [name]: "secret" }, options), name)
    })
  }

  for (const name of [
    "AIRFLOW_CONN_WAREHOUSE",
    "AIRFLOW_VAR_KEY",
    "AIRFLOW__SECRETS__BACKEND_KWARGS",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SSL_CERT",
    "AIRFLOW__API_AUTH__JWT_ISSUER",
    "AIRFLOW__EDGE__API_URL",
    "PATH",
    "NODE_OPTIONS"
  ]) {
    it(`passes ${name} on`, () => {
      assert.propertyVal(taskEnvironment({ [name]: "value" }, options), name, "value")
    })
  }

  it("replaces a shared secret of the environment", () => {
    const env = taskEnvironment({ AIRFLOW__API_AUTH__JWT_SECRET: "secret" }, options)
    assert.propertyVal(env, "AIRFLOW__API_AUTH__JWT_SECRET", "")
  })
})

/** A random number from `min` to `max`, the same in each run. */
const uniform = (() => {
  let state = 1
  return (min: number, max: number) => {
    state = (state * 48_271) % 2_147_483_647
    return min + (max - min) * (state / 2_147_483_647)
  }
})()

/** Seconds until Airflow 3.3.2 kills a task whose supervisor is refused every connection from 0 on. */
const killedAfter = (
  variables: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> = {}
) => {
  const value = (key: string, otherwise: number) =>
    Number(variables[`AIRFLOW__WORKERS__${key.toUpperCase()}`] ?? own[key] ?? otherwise)
  const [min, max] = [value("execution_api_retry_wait_min", 1), value("execution_api_retry_wait_max", 90)]
  let now = 0
  for (let heartbeat = 0; heartbeat < value("max_failed_heartbeats", 3); heartbeat++) {
    const began = now
    for (let attempt = 1; attempt < value("execution_api_retries", 5); attempt++) {
      now += uniform(min, Math.max(min, Math.min(max, 2 ** (attempt - 1))))
    }
    now = Math.max(now, began + value("min_heartbeat_interval", 5))
  }
  return now
}
const mean = (variables: Readonly<Record<string, string>>, own: Readonly<Record<string, string>> = {}) => {
  const times = Array.from({ length: 2000 }, () => killedAfter(variables, own))
  return times.reduce((sum, time) => sum + time, 0) / times.length
}

describe("the tolerance for an outage of the Execution API", () => {
  it("is half a minute with what Airflow has by itself", () => {
    assert.isBelow(mean({}), 40)
    assert.deepStrictEqual(outageTolerance(0, {}), {})
  })

  for (const seconds of [10, 60, 300, 600, 3600]) {
    it(`of ${seconds} s lasts about as long, for a heartbeat and for any other call`, () => {
      const variables = outageTolerance(seconds, {})
      assert.strictEqual(variables["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"], "1")
      assert.isAtLeast(mean(variables), 0.97 * seconds)
      assert.isAtMost(mean(variables), 1.1 * seconds + 2)
      const times = Array.from({ length: 2000 }, () => killedAfter(variables))
      assert.isAtLeast(Math.min(...times), 0.6 * seconds)
      assert.isAtMost(Math.max(...times), 1.5 * seconds + 2)
    })
  }

  it("never replaces what the operator has set, and fits the rest to it", () => {
    const heartbeats = { max_failed_heartbeats: "3" }
    const withHeartbeats = outageTolerance(300, heartbeats)
    assert.hasAllKeys(withHeartbeats, [
      "AIRFLOW__WORKERS__EXECUTION_API_RETRIES",
      "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX"
    ])
    assert.closeTo(mean(withHeartbeats, heartbeats), 300, 30)
    for (const calls of [
      { execution_api_retries: "5" },
      { execution_api_retry_wait_max: "5.0" },
      { execution_api_retry_wait_min: "4" },
      { execution_api_retries: "1", min_heartbeat_interval: "20" }
    ]) {
      const withCalls = outageTolerance(300, calls)
      assert.hasAllKeys(withCalls, ["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])
      assert.closeTo(mean(withCalls, calls), 300, 30)
    }
    assert.deepStrictEqual(outageTolerance(300, { ...heartbeats, execution_api_retries: "5" }), {})
  })

  it("leaves alone what cannot be read: Airflow says what is wrong with it", () => {
    assert.deepStrictEqual(outageTolerance(300, { execution_api_retries: "many" }), {})
    assert.deepStrictEqual(outageTolerance(300, { max_failed_heartbeats: "" }), {})
    assert.deepStrictEqual(outageTolerance(300, { max_failed_heartbeats: "0" }), {})
  })

  it("never makes Airflow less patient than it is by itself", () => {
    assert.strictEqual(
      outageTolerance(10, { execution_api_retries: "8" })["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"],
      "3"
    )
  })
})
