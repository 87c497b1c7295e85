/** A secret that only Airflow's secrets backend knows, asked through the local Airflow's Python. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, vi } from "vitest"
import { ConfigSources } from "../../../src/platform/ConfigSources.ts"
import { airflowPython, backendOf } from "./python.ts"

const ask = (name: string) =>
  Effect.flatMap(ConfigSources, ({ resolveSecret }) => resolveSecret(name, airflowPython())).pipe(
    Effect.provide(ConfigSources.layer)
  )

describe("resolveSecret", () => {
  let home = ""
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "secrets-"))
    writeFileSync(join(home, "airflow.cfg"), "")
    vi.stubEnv("AIRFLOW_HOME", home)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(home, { recursive: true })
  })
  const backend = () => {
    for (const [name, value] of Object.entries(backendOf({ "edge/jwt": "s3cret\nof two lines é" }))) {
      vi.stubEnv(name, value)
    }
  }

  it.live(
    "gives what the backend holds, and nothing for another name",
    () =>
      Effect.gen(function* () {
        backend()
        assert.strictEqual(yield* ask("edge/jwt"), "s3cret\nof two lines é")
        assert.isUndefined(yield* ask("edge/none"))
      }),
    60_000
  )

  it.live(
    "gives nothing where Airflow has no backend",
    () => Effect.map(ask("edge/jwt"), (value) => assert.isUndefined(value)),
    60_000
  )

  it.live(
    "says what Airflow said where the backend cannot be loaded",
    () =>
      Effect.gen(function* () {
        vi.stubEnv("AIRFLOW__SECRETS__BACKEND", "there.is.no.such.Backend")
        const { problem } = yield* Effect.flip(ask("edge/jwt"))
        assert.match(problem, /^the local Airflow of .*python exited with code 1: /)
      }),
    60_000
  )
})
