/** The files of variables and connections are read anew each time, and only where nobody else can read them. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import { SiteFiles } from "../../src/platform/SiteFiles.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "site-files-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

it.effect("a file that others can read is refused, and one that is gone is missed", () =>
  Effect.gen(function* () {
    const variablesFile = join(yield* folder, "variables.json")
    writeFileSync(variablesFile, "{}", { mode: 0o600 })
    const { connections, variables } = yield* Effect.provide(
      SiteFiles,
      SiteFiles.layer.pipe(
        Layer.provide(Layer.succeed(CentralConfig, testCentralSettings({ variablesFile })))
      )
    )
    assert.isUndefined(yield* connections)
    assert.strictEqual(yield* variables, "{}")
    writeFileSync(variablesFile, '{"a":1}')
    assert.strictEqual(yield* variables, '{"a":1}')
    chmodSync(variablesFile, 0o640)
    assert.match((yield* Effect.flip(variables)).message, /open to other users.*chmod 600/)
    rmSync(variablesFile)
    assert.match((yield* Effect.flip(variables)).message, /does not exist/)
  })
)
