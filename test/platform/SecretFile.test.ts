/** The central's own secrets: made once, whole, and for this user only. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { weakness } from "../../src/config/weakSecret.ts"
import { SecretFile } from "../../src/platform/SecretFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "secret-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const read = (path: string, name = "s") =>
  Effect.flatMap(SecretFile, ({ readOrMake }) => readOrMake(path, name)).pipe(
    Effect.provide(SecretFile.layer)
  )

it.effect("many that start at once get one secret, which nobody else can read", () =>
  Effect.gen(function* () {
    const state = join(yield* folder, "a", "central")
    const all = yield* Effect.all(
      Array.from({ length: 20 }, () => read(state)),
      { concurrency: "unbounded" }
    )
    const secrets = new Set(all.map(({ secret }) => Redacted.value(secret)))
    assert.strictEqual(secrets.size, 1)
    for (const secret of secrets) assert.strictEqual(weakness(secret), undefined)
    assert.deepStrictEqual(readdirSync(state), ["s"])
    assert.strictEqual(statSync(join(state, "s")).mode & 0o777, 0o600)
    const other = yield* read(state, "t")
    assert.isFalse(secrets.has(Redacted.value(other.secret)))
  })
)

it.effect("what others may have read or put there is not used", () =>
  Effect.gen(function* () {
    const state = yield* folder
    const told = (name: string) => Effect.map(Effect.flip(read(state, name)), (error) => error.message)
    writeFileSync(join(state, "open"), "a secret that all can read", { mode: 0o644 })
    assert.match(
      yield* told("open"),
      /can be read by other users \(mode 0644\).*chmod 600.*whoever uses the old one/
    )
    symlinkSync("/etc/hostname", join(state, "link"))
    assert.match(yield* told("link"), /is not a file/)
    mkdirSync(join(state, "folder"))
    assert.match(yield* told("folder"), /is not a file/)
    writeFileSync(join(state, "empty"), "", { mode: 0o600 })
    assert.match(yield* told("empty"), /holds no secret of 32 characters/)
    chmodSync(state, 0o755)
    assert.match(yield* told("s"), /can be entered by other users/)
  })
)
