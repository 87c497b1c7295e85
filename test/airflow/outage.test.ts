/** The way to the site is slow or gone: no task is lost, and no slot is lent twice. */
import { setTimeout as delay } from "node:timers/promises"
import { expect, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { jobsSucceed, sameLog, site, slotsHeldAtOnce, trigger, workerLog } from "./site.ts"
import { ours, startWorker } from "./worker.ts"

test("20 seconds without the site: running tasks go on, and everything is told afterwards", async () => {
  const worker = await startWorker()
  const run = await trigger("sleepers", { seconds: 35 })
  await eventually(
    "a sleeper ticks",
    () => workerLog(worker.logFolder, run, { task: "sleeper_4" }).toString("utf8"),
    (text) => text.includes("tick 2")
  )
  await worker.gateway.leave()
  // the outage itself, shorter than the tasks: one that ends meanwhile is failed by Airflow's own supervisor, which
  // tries to tell its end for some seconds only: its length is the scenario
  await delay(20_000)
  await worker.gateway.comeBack()
  expect(await site.api.dagRunEnded(run)).toBe("success")
  for (const number of [1, 2, 3, 4])
    expect(await sameLog(worker.logFolder, run, { task: `sleeper_${number}` })).toContain("tick 35")
  await jobsSucceed(run, 4)
})

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
