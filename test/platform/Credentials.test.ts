/** Credentials: the files of people's access, and their modes. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { CentralConfig, type CentralSettings } from "../../src/config/CentralConfig.ts"
import { Credentials } from "../../src/platform/Credentials.ts"
import { hash, isHash, matches } from "../../src/platform/PasswordHash.ts"
import { read, write } from "../../src/platform/PrivateFile.ts"
import { SecretFile } from "../../src/platform/SecretFile.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "credentials-"))
})
afterEach(() => rmSync(folder, { recursive: true }))

const credentials = (stateFolder: string) => {
  // of the settings only these two are read here
  const settings = { stateFolder, usersFile: join(stateFolder, "users.json") } as CentralSettings
  return Credentials.layer.pipe(
    Layer.provide(SecretFile.layer),
    Layer.provide(Layer.succeed(CentralConfig, settings))
  )
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe("Credentials", () => {
  it.effect("makes its secrets 0600 in a folder 0700, and finds them again", () =>
    Effect.gen(function* () {
      const stateFolder = join(folder, "state")
      const adminToken = Effect.map(Credentials, (found) => Redacted.value(found.adminToken)).pipe(
        Effect.provide(credentials(stateFolder), { local: true })
      )
      const first = yield* adminToken
      expect(first.length).toBeGreaterThanOrEqual(43)
      expect(yield* adminToken).toBe(first)
      expect(readFileSync(join(stateFolder, "admin-token"), "utf8")).toBe(first)
      expect([mode(stateFolder), mode(join(stateFolder, "admin-token"))]).toEqual(["700", "600"])
    })
  )

  it.effect("takes no users' file that others can read", () =>
    Effect.gen(function* () {
      const path = join(folder, "users.json")
      expect(yield* read(path)).toBeUndefined()
      yield* write(path, "{}")
      expect([mode(path), yield* read(path)]).toEqual(["600", "{}"])
      chmodSync(path, 0o640)
      expect((yield* Effect.flip(read(path))).message).toContain("open to other users (mode 0640)")
    })
  )
})

describe("a password's hash", () => {
  it.effect("fits its password only, and is another one each time", () =>
    Effect.gen(function* () {
      const password = Redacted.make("caf\u00e9")
      const [first, second] = [yield* hash(password), yield* hash(password)]
      expect(first).not.toBe(second)
      expect([isHash(first), isHash("café"), first.includes("caf")]).toEqual([true, false, false])
      expect(yield* matches(Redacted.make("cafe\u0301"), first)).toBe(true)
      expect(yield* matches(Redacted.make("cafe"), first)).toBe(false)
      expect(yield* matches(password, "plain text")).toBe(false)
    })
  )
})
