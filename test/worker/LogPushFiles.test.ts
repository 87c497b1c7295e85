/** LogPush on real files: another process's appends, a rotation and a removal reach the site whole. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { FileTail } from "../../src/platform/FileTail.ts"
import { JournalStore } from "../../src/platform/JournalStore.ts"
import { KeptLogs } from "../../src/platform/KeptLogs.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { decodeLog } from "../../src/worker/LogChunks.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { makeLogSite } from "./logSite.ts"

const claim = { id: "c1", claimedAt: 0, expires: null, job: testJob("t") }
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-push-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const make = () => {
  const site = makeLogSite()
  const layer = LogPush.layer.pipe(
    Layer.provide([
      site.layer,
      FileTail.layer,
      Layer.succeed(EdgeConfig, testSettings({ pushLogChunkSize: 4_096 }))
    ]),
    Layer.provideMerge(Layer.provide(Journal.layer, [JournalStore.layerMemory(), KeptLogs.layerMemory()]))
  )
  const arrives = (text: string) =>
    Effect.yieldNow.pipe(Effect.repeat({ until: () => site.file().endsWith(text) }))
  return { ...site, layer, arrives }
}

it.live("lines of another process, in bytes as they come", () => {
  const site = make()
  return Effect.gen(function* () {
    const file = join(yield* folder, "a.log")
    const tail = yield* (yield* LogPush).tail({ claim, file })
    const code = `
      const fs = require("node:fs"), fd = fs.openSync(process.argv[1], "a")
      const bytes = Buffer.concat(Array.from({ length: 3000 }, (_, i) =>
        i % 50 ? Buffer.from("line " + i + " é😀\\0\\n") : Buffer.from([255, 0xc3, 0x28, 10])))
      for (let at = 0; at < bytes.length; at += 7) fs.writeSync(fd, bytes.subarray(at, at + 7))`
    const writer = spawn(process.execPath, ["-e", code, file], { stdio: "ignore" })
    yield* Effect.promise(() => once(writer, "exit"))
    yield* tail.finish
    expect(site.file()).toBe(decodeLog(readFileSync(file)))
    expect(yield* tail.waiting).toBe(0)
    expect(yield* (yield* Journal).logOffset(file)).toMatchObject({ offset: readFileSync(file).length })
  }).pipe(Effect.provide(site.layer))
})

it.live("a file that appears, rotates and is deleted", () => {
  const site = make()
  return Effect.gen(function* () {
    const file = join(yield* folder, "a.log")
    const tail = yield* (yield* LogPush).tail({ claim, file })
    writeFileSync(file, "one\n")
    yield* site.arrives("one\n")
    appendFileSync(file, "two\n")
    renameSync(file, `${file}.1`)
    writeFileSync(file, "three\n")
    yield* site.arrives("three\n")
    appendFileSync(file, "four\n")
    rmSync(file)
    yield* site.arrives("four\n")
    writeFileSync(file, "five\n")
    yield* tail.finish
    expect(site.file()).toBe("one\ntwo\nthree\nfour\nfive\n")
  }).pipe(Effect.provide(site.layer))
})
