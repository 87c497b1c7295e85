/** DiskSpace: a machine without room takes no jobs, says so to the site and in the log, and goes on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { type Central, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { advance, type Options, withWorker } from "./harness.ts"

const asks = (central: Central) => central.calls.filter(({ operation }) => operation === "fetch").length
const sysinfo = (central: Central) => central.worker?.body.sysinfo ?? {}
const MiB = 2 ** 20

describe("DiskSpace", () => {
  const test = (
    name: string,
    settings: NonNullable<Options["settings"]>,
    body: (
      disk: Map<string, number | undefined>,
      lines: Array<string>
    ) => Effect.Effect<void, unknown, TestCentral | TestRunner | MemoryFileTail>
  ) =>
    it.effect(name, () => {
      const disk = new Map<string, number | undefined>()
      const lines: Array<string> = []
      const log = Logger.layer([
        Logger.make(({ message }) => {
          lines.push(String(message))
        })
      ])
      const freeDisk = (folder: string) =>
        Effect.sync(() => (disk.has(folder) ? disk.get(folder) : 500 * MiB))
      return withWorker({ settings, freeDisk }, body(disk, lines)).pipe(Effect.provide(log))
    })

  for (const folder of ["/state", "/logs"]) {
    test(`below min_free_disk under ${folder} no job is fetched, and running ones go on`, {}, (disk, lines) =>
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const said = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length
        yield* central.addJob(testJob("before"))
        yield* advance("10 seconds")
        const [job] = yield* runner.jobs
        assert.isDefined(job)
        disk.set(folder, 100 * MiB - 1)
        yield* advance("31 seconds")
        const before = asks(yield* central.get)
        yield* central.addJob(testJob("during"))
        yield* advance("5 minutes")
        assert.strictEqual(asks(yield* central.get), before)
        const { status, status_text } = sysinfo(yield* central.get)
        assert.strictEqual(status, 30)
        assert.strictEqual(
          status_text,
          `Takes no jobs: only 99 MiB are free below ${folder}, and [edge_worker] min_free_disk is 100 MiB`
        )
        assert.deepStrictEqual([said(/^only 99 MiB.*no new jobs/), said(/room on the disk again/)], [1, 0])
        yield* job?.end({ _tag: "Succeeded" }) ?? Effect.void
        yield* advance("5 seconds")
        assert.include(
          [...(yield* central.get).jobs.values()].map(({ state }) => state),
          "success"
        )
        // Around the limit it would be news each time.
        disk.set(folder, 101 * MiB)
        yield* advance("2 minutes")
        assert.strictEqual(asks(yield* central.get), before)
        disk.set(folder, 120 * MiB)
        yield* advance("70 seconds")
        assert.strictEqual((yield* runner.jobs).length, 2)
        assert.deepStrictEqual([said(/no new jobs/), said(/room on the disk again/)], [1, 1])
        assert.strictEqual(sysinfo(yield* central.get).status, 20)
      })
    )
  }

  test(
    "exactly min_free_disk is enough, and a tenth more is enough again; the first full disk is named",
    {},
    (disk) =>
      Effect.gen(function* () {
        const central = yield* TestCentral
        const why = Effect.map(central.get, (c) => String(sysinfo(c).status_text ?? ""))
        disk.set("/state", 100 * MiB)
        yield* advance("65 seconds")
        assert.strictEqual(yield* why, "")
        disk.set("/state", 99.9 * MiB)
        disk.set("/logs", 5 * MiB)
        yield* advance("65 seconds")
        assert.match(yield* why, /only 99 MiB are free below \/state/)
        disk.set("/logs", 500 * MiB)
        disk.set("/state", 100 * MiB * 1.1 - 1)
        yield* advance("65 seconds")
        assert.match(yield* why, /only 109 MiB are free below \/state/)
        disk.set("/state", 100 * MiB * 1.1)
        yield* advance("65 seconds")
        assert.strictEqual(yield* why, "")
      })
  )

  test("a disk of which nothing is known, or a limit of 0, stops nothing", { minFreeDisk: 0 }, (disk) =>
    Effect.gen(function* () {
      disk.set("/state", 0)
      disk.set("/logs", undefined)
      const central = yield* TestCentral
      yield* central.addJob(testJob("t"))
      yield* advance("1 minute")
      assert.strictEqual((yield* (yield* TestRunner).jobs).length, 1)
    })
  )

  test("unknown is not full", {}, (disk) =>
    Effect.gen(function* () {
      disk.set("/logs", undefined)
      const central = yield* TestCentral
      yield* advance("1 minute")
      yield* central.addJob(testJob("t"))
      yield* advance("10 seconds")
      assert.strictEqual((yield* (yield* TestRunner).jobs).length, 1)
    })
  )
})
