/** The settings of a worker against those of edge3's own worker, in the same environment. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { afterEach, beforeEach } from "vitest"
import { AirflowConfig } from "../../../src/config/AirflowConfig.ts"
import { EdgeConfig } from "../../../src/config/EdgeConfig.ts"
import { allSettings } from "../../../src/config/settings.ts"
import { ConfigSources } from "../../../src/platform/ConfigSources.ts"
import { runScript } from "./python.ts"

const needed = {
  AIRFLOW__EDGE__API_URL: "https://site.test/sub/edge_worker/v1/rpcapi",
  AIRFLOW__API_AUTH__JWT_SECRET: "not a secret"
}

const environments: Readonly<
  Record<string, { readonly file: string; readonly env: Readonly<Record<string, string>> }>
> = {
  "defaults only": { file: "", env: needed },
  "a file": {
    file: `[edge]
api_url: http://other.test/edge_worker/v1/rpcapi
worker_concurrency = 1_6
heartbeat_interval = 12.0
drain_timeout_sec = -5
drain_kill_grace_sec = %(heartbeat_interval)s
push_logs = f # not now
automatic_maintenance_on =
automatic_maintenance_exit = WARNING
[api_auth]
jwt_secret_cmd = printf 'two words'
jwt_leeway = 33
jwt_issuer = first , second
[logging]
base_log_folder = $HOME/logs/100%%
`,
    env: {}
  },
  "variables over a file": {
    file: "[edge]\njob_poll_interval = 7\nheartbeat_interval = 7\n[workers]\nexecution_api_server_url = https://old.test/execution/\n",
    env: {
      ...needed,
      AIRFLOW__EDGE__HEARTBEAT_INTERVAL: " 9 ",
      AIRFLOW__EDGE__PUSH_LOG_CHUNK_SIZE: "1e3",
      AIRFLOW__EDGE__AUTOMATIC_MAINTENANCE_ON: "eRRor",
      AIRFLOW__EDGE__API_RETRIES: "4",
      AIRFLOW__WORKERS__API_RETRIES: "5",
      AIRFLOW__WORKERS__API_RETRY_WAIT_MIN: "0.5",
      AIRFLOW__EDGE__API_RETRY_WAIT_MAX: " 7 "
    }
  }
}

const inSeconds = (value: unknown) => {
  if (Duration.isDuration(value)) return Duration.toSeconds(value)
  if (Redacted.isRedacted(value)) return Redacted.value(value)
  return value instanceof URL ? value.href : (value ?? null)
}

const read = (env: Readonly<Record<string, string | undefined>>) => {
  const sources = Layer.effect(
    ConfigSources,
    Effect.map(ConfigSources, (real) => ({ ...real, env }))
  ).pipe(Layer.provide(ConfigSources.layer))
  return EdgeConfig.use(Effect.succeed).pipe(
    Effect.provide(
      EdgeConfig.layer().pipe(Layer.provide(AirflowConfig.layer(allSettings)), Layer.provide(sources))
    )
  )
}

describe("against edge3's worker", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "settings-"))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  for (const [name, { env, file }] of Object.entries(environments)) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          writeFileSync(join(folder, "airflow.cfg"), file)
          const all = { HOME: folder, AIRFLOW_HOME: folder, ...env }
          const theirs = Schema.decodeUnknownSync(
            Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
          )(runScript("print_worker_settings.py", all))
          const settings = yield* read({ PATH: process.env["PATH"], ...all })
          const ours = new Map<string, unknown>(Object.entries(settings))
          const picked = Object.keys(theirs).map((key) => [key, inSeconds(ours.get(key))])
          assert.deepStrictEqual(
            { ...Object.fromEntries(picked), drainTimeout: inSeconds(settings.drainTimeout ?? 0) },
            theirs
          )
        }),
      60_000
    )
  }
})
