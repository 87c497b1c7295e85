/** The way to the site is slow or gone: no task is lost, and no slot is lent twice. */
import { setTimeout as delay } from "node:timers/promises"
import { expect, test } from "vitest"
import type { Run } from "../../scripts/airflow/api.ts"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { jobsSucceed, sameLog, site, slotsHeldAtOnce, trigger, workerLog } from "./site.ts"
import { ours, startWorker, type WorkerProcess } from "./worker.ts"

/** Four tasks of 12 s, seen ticking. */
const startSleepers = async (worker: WorkerProcess) => {
  const run = await trigger("sleepers", { seconds: 12 })
  for (const number of [1, 2, 3, 4])
    await eventually(
      `sleeper ${number} ticks`,
      () => workerLog(worker.logFolder, run, { task: `sleeper_${number}` }).toString("utf8"),
      (text) => text.includes("tick 2")
    )
  return run
}

const allIsTold = async (worker: WorkerProcess, run: Run) => {
  expect(await site.api.dagRunEnded(run)).toBe("success")
  for (const number of [1, 2, 3, 4])
    expect(await sameLog(worker.logFolder, run, { task: `sleeper_${number}` })).toContain("tick 12")
  await jobsSucceed(run, 4)
}

test("a site that hangs for 20 seconds: running tasks go on, and everything is told afterwards", async () => {
  const worker = await startWorker()
  const run = await startSleepers(worker)
  worker.gateway.freeze()
  // the outage itself: its length is the scenario
  await delay(20_000)
  worker.gateway.thaw()
  await allIsTold(worker, run)
})

test.runIf(ours)(
  "an Edge API that is gone for 20 seconds: tasks end meanwhile, everything is told afterwards",
  async () => {
    const worker = await startWorker({ directExecution: true })
    const run = await startSleepers(worker)
    await worker.gateway.leave()
    // the outage itself: its length is the scenario
    await delay(20_000)
    await worker.gateway.comeBack()
    await allIsTold(worker, run)
  }
)

test.runIf(ours)(
  "a fetch that takes three seconds never puts more tasks on the worker than it has slots",
  async () => {
    const worker = await startWorker({ concurrency: 2 })
    worker.gateway.slowDown("jobs/fetch", 3000)
    const run = await trigger("sleepers", { seconds: 6 })
    expect(await site.api.dagRunEnded(run)).toBe("success")
    const instances = await site.api.taskInstances(run)
    expect(slotsHeldAtOnce(instances)).toBeLessThanOrEqual(2)
    expect(instances.map((instance) => instance.state)).toEqual(["success", "success", "success", "success"])
  }
)
