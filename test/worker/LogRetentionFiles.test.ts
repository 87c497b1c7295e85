/** LogRetention on real files: only what the site has is gone, and the folders that are empty then. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { LogFiles } from "../../src/platform/LogFiles.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogRetention } from "../../src/worker/LogRetention.ts"

it.live("removes old logs and their folders; an unpushed one, and the folder of a job to come, stay", () =>
  Effect.gen(function* () {
    const root = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-retention-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const base = join(root, "logs")
    const settings = testSettings({ baseLogFolder: base, logRetention: Duration.hours(1) })
    const layer = LogRetention.layer.pipe(
      Layer.provideMerge(Journal.layer),
      Layer.provide(LogFiles.layer),
      Layer.provide(MemoryPlatform.layer()),
      Layer.provide([MemoryFileTail.layer, Layer.succeed(EdgeConfig, settings)])
    )
    yield* Effect.gen(function* () {
      const journal = yield* Journal
      const file = (logPath: string, lacking = 0) => {
        const path = join(base, logPath)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, "a line\n")
        utimesSync(path, 1_000, Date.now() / 1_000 - 7_200)
        const { ino, size } = statSync(path)
        return journal.saveLogOffset({ path, inode: String(ino), offset: size - lacking })
      }
      yield* file("d/run1/t/attempt=1.log")
      yield* file("d/run2/t/attempt=1.log", 1)
      yield* file("d/run3/t/attempt=1.log")
      // Another try of run3 is claimed: its folder is made, its file is not there yet.
      const job = testJob("t", { logPath: "d/run3/t/attempt=2.log" })
      yield* journal.claimed({ id: "c", claimedAt: 0, expires: null, job })
      yield* (yield* LogRetention).once
      assert.deepStrictEqual(readdirSync(join(base, "d")).sort(), ["run2", "run3"])
      assert.isTrue(existsSync(join(base, "d/run2/t/attempt=1.log")))
      assert.deepStrictEqual(readdirSync(join(base, "d/run3/t")), [])
      assert.deepStrictEqual(
        (yield* journal.logOffsets).map(({ path }) => path),
        [join(base, "d/run2/t/attempt=1.log")]
      )
    }).pipe(Effect.provide(layer))
  })
)
