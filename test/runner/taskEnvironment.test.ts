/** taskEnvironment: what tasks are told, and which secrets they never get. */
import { assert, describe, it } from "@effect/vitest"
import { taskEnvironment } from "../../src/runner/taskEnvironment.ts"

const options = {
  workerName: "factory-7",
  executionApiUrl: "https://site.test/execution/",
  baseLogFolder: "/logs/100%",
  hasEdge3: true
}

describe("taskEnvironment", () => {
  it("adds what edge3 5.1.0 gives its tasks, and where the worker reads their logs", () => {
    assert.deepStrictEqual(taskEnvironment({}, options), {
      AIRFLOW__API_AUTH__JWT_SECRET: "",
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: "https://site.test/execution/",
      AIRFLOW__CORE__HOSTNAME_CALLABLE: "airflow.providers.edge3.cli.worker._edge_hostname",
      AIRFLOW__LOGGING__BASE_LOG_FOLDER: "/logs/100%",
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
