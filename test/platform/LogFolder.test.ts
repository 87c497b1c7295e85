/** LogFolder: which log paths are used, which are refused and why, and the lines that we add. */
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { LogFolder } from "../../src/platform/LogFolder.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { eachWay } from "./fileCalls.ts"

type Setup = { readonly base: string; readonly root: string; readonly logs: LogFolder["Service"] }
const modeOf = (path: string) => statSync(path).mode & 0o777

eachWay("LogFolder", (calls) => {
  const test = <A, E>(
    name: string,
    body: (setup: Setup) => Effect.Effect<A, E, Scope.Scope>,
    permissions?: number
  ) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const root = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-logs-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
        )
        const base = join(root, "logs")
        const settings = testSettings({ baseLogFolder: base, logFolderPermissions: permissions })
        const layer = LogFolder.layer.pipe(Layer.provide([Layer.succeed(EdgeConfig, settings), calls]))
        return yield* Effect.flatMap(LogFolder, (logs) => body({ root, base, logs })).pipe(
          Effect.provide(layer)
        )
      })
    )

  test("gives the path under the base and makes its folders as Airflow does", ({ base, logs }) =>
    Effect.gen(function* () {
      const logPath = "dag_id=d/run_id=manual__2026-01-01T00:00:00+00:00/task_id=é/attempt=1.log"
      expect(yield* logs.resolve(logPath, "/claim")).toBe(join(base, logPath))
      expect(modeOf(join(base, "dag_id=d"))).toBe(0o775 & ~process.umask())
      expect(yield* logs.resolve("a//./b.log", "/claim")).toBe(join(base, "a/b.log"))
      writeFileSync(join(base, "a/b.log"), "exists\n")
      expect(yield* logs.resolve("a/b.log", "/claim")).toBe(join(base, "a/b.log"))
    }))

  test(
    "obeys file_task_handler_new_folder_permissions",
    ({ base, logs }) =>
      Effect.gen(function* () {
        yield* logs.resolve("x/y/a.log", "/claim")
        expect([modeOf(join(base, "x")), modeOf(join(base, "x/y"))]).toEqual([0o700, 0o700])
      }),
    0o700
  )

  test("without a path it is the substitute in the claim's folder", ({ logs }) =>
    Effect.gen(function* () {
      expect(yield* logs.resolve(null, "/claim")).toBe("/claim/task.log")
      expect(logs.substitute("/claim")).toBe("/claim/task.log")
    }))

  const refused: ReadonlyArray<readonly [logPath: string, rule: string]> = [
    ["../a.log", 'contains ".."'],
    ["dag/../../a.log", 'contains ".."'],
    ["a/..", 'contains ".."'],
    ["/etc/passwd", "is absolute"],
    ["a\0b.log", "NUL"],
    ["a\ud800.log", "not valid Unicode"],
    ["", "names no file"],
    [".", "names no file"],
    ["a/", "names no file"],
    ["a/.", "names no file"],
    [`${"é".repeat(128)}.log`, "longer than 255 bytes"],
    ["aaaaaaaaa/".repeat(500).concat("a.log"), "longer than 4095 bytes"],
    ["linked/a.log", "through the symbolic link"],
    ["deep/linked/a.log", "through the symbolic link"],
    ["link.log", "is a symbolic link"],
    ["dangling.log", "is a symbolic link"],
    ["linked", "is a symbolic link"],
    ["file/a.log", "is not a folder"],
    ["deep", "is not a regular file"]
  ]
  for (const [logPath, rule] of refused) {
    test(`refuses ${JSON.stringify(logPath.slice(0, 40))}: ${rule}`, ({ base, root, logs }) =>
      Effect.gen(function* () {
        const outside = join(root, "outside")
        mkdirSync(outside)
        mkdirSync(join(base, "deep"), { recursive: true })
        symlinkSync(outside, join(base, "linked"))
        symlinkSync(outside, join(base, "deep/linked"))
        writeFileSync(join(outside, "secret"), "")
        symlinkSync(join(outside, "secret"), join(base, "link.log"))
        symlinkSync(join(outside, "nothing"), join(base, "dangling.log"))
        writeFileSync(join(base, "file"), "")
        const error = yield* Effect.flip(logs.resolve(logPath, "/claim"))
        expect(error._tag).toBe("UnsafeLogPath")
        expect(error.message).toContain(rule)
        expect(lstatSync(join(outside, "a.log"), { throwIfNoEntry: false })).toBeUndefined()
      }))
  }

  test("the base itself may be a link: that is the operator's choice", ({ base, root, logs }) =>
    Effect.gen(function* () {
      mkdirSync(join(root, "elsewhere"))
      symlinkSync(join(root, "elsewhere"), base)
      expect(yield* logs.resolve("x/a.log", "/claim")).toBe(join(base, "x/a.log"))
    }))

  test("a base that cannot be made is the machine's fault, not the path's", ({ base, logs }) =>
    Effect.gen(function* () {
      writeFileSync(base, "")
      const error = yield* Effect.flip(logs.resolve("x/a.log", "/claim"))
      expect(error._tag).toBe("LogFolderRefused")
      expect(error.message).toContain("the folder of its log cannot be made: ")
      // What is wrong with the path itself is wrong on every machine.
      expect((yield* Effect.flip(logs.resolve("../a.log", "/claim")))._tag).toBe("UnsafeLogPath")
    }))

  test("a notice is a line like Airflow's own, on a line of its own", ({ root, logs }) =>
    Effect.gen(function* () {
      const file = join(root, "a.log")
      yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
      yield* logs.notice(file, { level: "warning", event: 'Draining: "30 s" left\n' })
      appendFileSync(file, "half a line")
      yield* logs.notice(file, { level: "error", event: "Killed", logger: "task" })
      expect(readFileSync(file, "utf8").split("\n")).toEqual([
        String.raw`{"timestamp":"2026-01-02T03:04:05.678000Z","level":"warning","event":"Draining: \"30 s\" left\n","logger":"edge-worker"}`,
        "half a line",
        '{"timestamp":"2026-01-02T03:04:05.678000Z","level":"error","event":"Killed","logger":"task"}',
        ""
      ])
    }))

  test("a notice is never written through a link, and its failure is nobody's", ({ root, logs }) =>
    Effect.gen(function* () {
      const target = join(root, "target")
      writeFileSync(target, "")
      symlinkSync(target, join(root, "a.log"))
      yield* logs.notice(join(root, "a.log"), { level: "info", event: "x" })
      yield* logs.notice(join(root, "no/such/folder.log"), { level: "info", event: "x" })
      expect(readFileSync(target, "utf8")).toBe("")
    }))
})
