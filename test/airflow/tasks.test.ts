/** A worker runs a real Airflow's tasks: one, a hundred, with slots, failing, and by names that need escaping. */
import { expect, test } from "vitest"
import { jobsSucceed, sameLog, site, siteLog, slotsHeldAtOnce, trigger } from "./site.ts"
import { ours, startWorker } from "./worker.ts"

test("hello: the task succeeds, its log is on the site, its hostname is the worker's name", async () => {
  const worker = await startWorker()
  const run = await trigger("hello")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const [instance] = await site.api.taskInstances(run)
  expect(instance?.hostname).toBe(worker.name)
  const text = await sameLog(worker.logFolder, run, { task: "hello" })
  expect(text).toContain("hello from an edge worker")
  expect(text).toContain("and from its stderr")
  const [job] = await jobsSucceed(run, 1)
  expect(job?.edge_worker).toBe(worker.name)
})

test("100 mapped Python tasks: every task and every job ends as success", async () => {
  await startWorker({ concurrency: 8 })
  const run = await trigger("mapped", { count: 100 })
  expect(await site.api.dagRunEnded(run, { seconds: 220 })).toBe("success")
  const instances = (await site.api.taskInstances(run)).filter((instance) => instance.task_id === "empty")
  expect(instances.map((instance) => instance.state)).toEqual(Array.from({ length: 100 }, () => "success"))
  expect(slotsHeldAtOnce(instances)).toBeLessThanOrEqual(8)
  // 100 and the task that makes the list
  await jobsSucceed(run, 101)
})

test("slots: tasks of one, two and three slots never hold more than the worker has", async () => {
  await startWorker({ concurrency: 3 })
  const run = await trigger("slots")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const instances = await site.api.taskInstances(run)
  expect(instances.map((instance) => instance.pool_slots).toSorted()).toEqual([1, 1, 2, 2, 3, 3])
  expect(slotsHeldAtOnce(instances)).toBe(3)
})

test("failing with retry: two tries, a log of each, and the error as the task wrote it", async () => {
  const worker = await startWorker()
  const run = await trigger("failing")
  expect(await site.api.dagRunEnded(run)).toBe("failed")
  expect(await site.api.taskInstances(run)).toMatchObject([{ state: "failed", try_number: 2 }])
  for (const attempt of [1, 2]) {
    const text = await sameLog(worker.logFolder, run, { task: "fails", try: attempt })
    expect(text).toContain("broken é")
    expect(text).toContain("日本")
  }
  // the job's state is the supervisor's: it did its work although the task failed
  await jobsSucceed(run, 2)
})

test.runIf(ours)("a worker name with a space and an umlaut works, and tasks show it", async () => {
  const worker = await startWorker({ name: `Nähe ${process.pid}` })
  await worker.reaches(["idle"])
  const run = await trigger("hello")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  expect(await site.api.taskInstances(run)).toMatchObject([{ hostname: worker.name }])
  expect(siteLog(run, { task: "hello" })).toContain("hello from an edge worker")
})
