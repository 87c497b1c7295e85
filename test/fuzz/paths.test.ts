/** Paths made of names that others chose: none leads out of its folder, whatever links lie on its way. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve, sep } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { LogFolder, logPathParts } from "../../src/platform/LogFolder.ts"
import {
  parentFolder,
  readOwner,
  segment,
  socketPathOf,
  stateFolderOf
} from "../../src/platform/StatePaths.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { parameters, timeLimit, tried } from "./fuzz.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const isWithin = (path: string, base: string) => path.startsWith(base + sep)

/** Names that are there (folders, files, links to each), names that mean something, and any others. */
const part = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("folder", "file", "out", "up", "loop", "self", "out-file", "nowhere")
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("..", ".", "", "...", "~", "%2e%2e", "..\\..", "-", "$HOME", "a\nb")
  },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom("é".repeat(127), "x".repeat(255), "x".repeat(256), "\0", "\ud800") }
)
const path = fc
  .tuple(fc.boolean(), fc.array(part, { maxLength: 8 }))
  .map(([absolute, parts]) => `${absolute && parts.length > 3 ? "/" : ""}${parts.join("/")}`)

describe("a log path", () => {
  it("of any text lies below the base, or breaks a rule", () => {
    const used = { yes: 0, no: 0 }
    fc.assert(
      fc.property(fc.oneof(path, fc.string({ unit: "binary" })), (text) => {
        const parts = logPathParts(text)
        used[typeof parts === "string" ? "no" : "yes"] += 1
        if (typeof parts === "string") return assert.isNotEmpty(parts)
        assert.isTrue(isWithin(resolve("/base", ...parts), "/base"), text)
        assert.strictEqual(resolve("/base", ...parts), `/base/${parts.join("/")}`)
      }),
      parameters(3000)
    )
    assert.isAbove(Math.min(used.yes, used.no), 100)
  })

  it.effect(
    "writes nothing outside of the base, whatever links lie there",
    () =>
      Effect.gen(function* () {
        const root = realpathSync(yield* folder)
        const [base, outside] = [join(root, "logs"), join(root, "outside")]
        mkdirSync(join(base, "folder", "folder"), { recursive: true })
        mkdirSync(outside)
        writeFileSync(join(outside, "secret"), "untouched")
        for (const at of [base, join(base, "folder"), join(base, "folder", "folder")]) {
          writeFileSync(join(at, "file"), "")
          symlinkSync(outside, join(at, "out"))
          symlinkSync(join(outside, "secret"), join(at, "out-file"))
          symlinkSync("..", join(at, "up"))
          symlinkSync(".", join(at, "self"))
          symlinkSync("loop", join(at, "loop"))
          symlinkSync(join(outside, "nothing"), join(at, "nowhere"))
        }
        const settings = Layer.succeed(EdgeConfig, testSettings({ baseLogFolder: base }))
        const logs = yield* Effect.provide(LogFolder, LogFolder.layer.pipe(Layer.provide(settings)))
        const used = { yes: 0, no: 0 }
        yield* tried(700, path, (text) =>
          Effect.gen(function* () {
            const found = yield* Effect.result(logs.resolve(text, join(root, "claim")))
            if (found._tag === "Success") {
              used.yes += 1
              assert.isTrue(isWithin(found.success, base), found.success)
              const real = realpathSync(dirname(found.success))
              assert.strictEqual(join(real, basename(found.success)), found.success)
              yield* logs.notice(found.success, { level: "info", event: text })
            } else {
              used.no += 1
              assert.strictEqual(found.failure._tag, "UnsafeLogPath")
              assert.isBelow(found.failure.message.length, 5000)
            }
            assert.deepStrictEqual(readdirSync(root).sort(), ["logs", "outside"])
            assert.deepStrictEqual(readdirSync(outside), ["secret"])
            assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "untouched")
          })
        )
        // Both happen often, or this shows nothing.
        assert.isAbove(Math.min(used.yes, used.no), 50)
      }).pipe(Effect.provide(Logger.layer([]))),
    timeLimit
  )
})

describe("a state folder", () => {
  const name = fc.oneof(part, path, fc.string({ unit: "binary", maxLength: 400, size: "max" }))

  it("of any name is one folder in its parent, and no two names share one", () => {
    const owners = new Map<string, string>()
    fc.assert(
      fc.property(name, (text) => {
        if (text === "") return
        const at = stateFolderOf({ airflowHome: "/af", stateFolder: undefined }, text)
        assert.strictEqual(dirname(at), parentFolder("/af"))
        assert.strictEqual(resolve(at), at)
        assert.isBelow(Buffer.byteLength(segment(text)), 256)
        // Lone surrogates have no bytes of their own.
        const known = owners.get(at) ?? text
        assert.strictEqual(text.toWellFormed(), known.toWellFormed())
        owners.set(at, text)
      }),
      parameters(3000)
    )
  })

  it.effect("with any bytes in its files is read without an end", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const owner = { worker_name: "a", pid: 1, start_time: null, started_at: "", machine: "" }
      const contents = fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc.json().map((text) => Buffer.from(text)),
        fc.jsonValue().map((pid) => Buffer.from(JSON.stringify({ ...owner, pid })))
      )
      fc.assert(
        fc.property(contents, (bytes) => {
          writeFileSync(join(root, "owner.json"), bytes)
          writeFileSync(join(root, "socket"), bytes)
          const read = readOwner(root)
          if (read._tag === "Some") assert.isTrue(Number.isInteger(read.value.pid))
          assert.isString(socketPathOf(root))
        }),
        parameters(300)
      )
    })
  )
})
