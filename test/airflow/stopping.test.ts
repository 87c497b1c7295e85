/** A worker is stopped, killed and followed by another: tasks finish, or are gone to the last process. */
import { existsSync, mkdtempSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { isAlive } from "../../scripts/airflow/processes.ts"
import { sameLog, site, trigger, workerLog } from "./site.ts"
import { drainSignal, ours, startWorker } from "./worker.ts"

const sleepers = [1, 2, 3, 4].map((number) => ({ task: `sleeper_${number}` }))

test("sleepers with the drain signal in the middle: all finish, the worker is offline, the exit code is 0", async () => {
  const worker = await startWorker()
  const run = await trigger("sleepers", { seconds: 12 })
  for (const sleeper of sleepers)
    await eventually(
      `${sleeper.task} ticks`,
      () => workerLog(worker.logFolder, run, sleeper).toString("utf8"),
      (text) => text.includes("tick 2")
    )
  worker.signal(drainSignal)
  await worker.reaches(["terminating"])
  expect(await worker.end()).toEqual({ code: 0, signal: null })
  expect((await site.api.worker(worker.name))?.state).toBe("offline")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  for (const sleeper of sleepers) expect(await sameLog(worker.logFolder, run, sleeper)).toContain("tick 12")
  await eventually("nothing of the worker is left", worker.tree, (left) => left.length === 0)
})

test.runIf(ours)(
  "a task that ignores SIGTERM, and its grandchild, are gone after the third signal",
  async () => {
    const worker = await startWorker()
    const folder = mkdtempSync(join(worker.home, "stubborn-"))
    await trigger("stubborn", { folder })
    const files = ["child", "grandchild"].map((name) => join(folder, name))
    const pids = await eventually(
      "both processes run",
      () => files.map((file) => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0)),
      (seen) => seen.every((pid) => pid > 0)
    )
    expect(pids.map(isAlive)).toEqual([true, true])
    worker.signal("SIGTERM")
    await worker.reaches(["terminating"])
    const before = worker.output().length
    worker.signal("SIGTERM")
    await eventually("the worker has heard the second signal", worker.output, (text) => text.length > before)
    expect(pids.map(isAlive)).toEqual([true, true])
    worker.signal("SIGTERM")
    const exit = await worker.end()
    expect(exit.signal).toBe(null)
    expect(exit.code).not.toBe(0)
    expect(pids.map(isAlive)).toEqual([false, false])
    await eventually("nothing of the worker is left", worker.tree, (left) => left.length === 0)
  }
)

test("a second worker of the same name is refused while the first is active", async () => {
  const first = await startWorker()
  await first.reaches(["idle"])
  const second = await startWorker({ name: first.name })
  const exit = await second.end()
  expect(exit.code).not.toBe(0)
  expect(second.output()).toContain(first.name)
  expect((await site.api.worker(first.name))?.state).toBe("idle")
})

test.runIf(ours)(
  "a second worker of the same state folder is refused with the pid of the first",
  async () => {
    const first = await startWorker()
    await first.reaches(["idle"])
    const second = await startWorker({ name: first.name, home: first.home })
    const exit = await second.end()
    expect(exit.code).not.toBe(0)
    expect(second.output()).toContain(String(first.pid))
    expect((await site.api.worker(first.name))?.state).toBe("idle")
  }
)

test.runIf(ours)("after kill -9 the next worker takes the name over at once", async () => {
  const first = await startWorker()
  await first.reaches(["idle"])
  first.signal("SIGKILL")
  await first.end()
  const second = await startWorker({ name: first.name, home: first.home })
  const row = await second.reaches(["idle"], { seconds: 20 })
  expect(row.sysinfo["worker_start_time"]).toBeDefined()
  const run = await trigger("hello")
  expect(await site.api.dagRunEnded(run)).toBe("success")
})
