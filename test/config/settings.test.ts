import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { allSettings, ownSection } from "../../src/config/settings.ts"

/** These have no default, or an empty one, on purpose. */
const withoutDefault = [
  "namespace_levels",
  "secret_mask_adapter",
  "sensitive_var_conn_names",
  "backend",
  "secrets_backend",
  "state_store_backend",
  "api_url",
  "extended_system_info_function",
  "worker_umask",
  "execution_api_server_url",
  "internal_api_secret_key",
  "airflow_home",
  "jwt_secret",
  "jwt_algorithm",
  "jwt_issuer",
  "ssl_cert",
  "ssl_ca_file",
  "client_ssl_cert",
  "client_ssl_key",
  "state_folder",
  "python",
  "sysinfo_command",
  "log_disk_budget",
  "commands",
  "task_program",
  "coordinators",
  "queue_to_coordinator",
  "reported_edge_provider_version",
  "management_url",
  "management_token",
  "management_user",
  "management_password"
]

describe("settings", () => {
  it("each key stands in the table once", () => {
    const names = allSettings.map(({ key, section }) => `[${section}] ${key}`)
    assert.deepStrictEqual(names, [...new Set(names)])
  })
  it("exactly the known ones have no default", () => {
    assert.deepStrictEqual(
      allSettings
        .filter((setting) => !setting.default)
        .map(({ key }) => key)
        .sort(),
      [...withoutDefault].sort()
    )
  })
  for (const { default: fallback, key, section, sentence, type } of allSettings) {
    it(`[${section}] ${key} has a key, a sentence, a type, and a default that is allowed`, () => {
      assert.match(key, /^[a-z][a-z0-9_]*$/)
      assert.match(sentence, /^[A-Z].{15,}\.$/)
      assert.isNotEmpty(type.words)
      if (fallback !== undefined) assert.isTrue(Option.isSome(type.decode(fallback)))
    })
  }
  it("ours are a section of their own", () => {
    assert.deepStrictEqual(
      allSettings.filter(({ section }) => section === ownSection).map(({ key }) => key),
      [
        "state_folder",
        "python",
        "sysinfo_command",
        "python_host_idle",
        "outage_tolerance",
        "log_retention",
        "log_disk_budget",
        "min_free_disk",
        "commands",
        "reported_edge_provider_version",
        "core_dumps",
        "task_program",
        "task_isolation",
        "task_host_idle",
        "task_host_tasks",
        "task_host_memory",
        "unknown_task",
        "management_url",
        "management_token",
        "management_user",
        "management_password"
      ]
    )
  })
  it("docs/config.md is current", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-config-docs.ts", "--check"], {
      encoding: "utf8"
    })
    assert.strictEqual(status, 0, stderr)
  })
})
