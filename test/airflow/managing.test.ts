/** The site manages a worker through its own API: maintenance, shutdown, queues, concurrency. */
import { expect, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import type { Gateway } from "../../scripts/airflow/gateway.ts"
import { site, trigger } from "./site.ts"
import { startWorker } from "./worker.ts"

const fetches = (gateway: Gateway) =>
  gateway.exchanges.filter((exchange) => exchange.path.startsWith("jobs/fetch"))
const heartbeats = (gateway: Gateway) =>
  gateway.exchanges.filter((exchange) => exchange.method === "PATCH" && exchange.path.startsWith("worker/"))

const lastFetch = (gateway: Gateway) => fetches(gateway).at(-1)?.request ?? "no fetch yet"

test("maintenance: requested, its comment changed, exited; no job is fetched meanwhile", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  await site.api.requestMaintenance(worker.name, "the disk is changed")
  const row = await worker.reaches(["maintenance mode"])
  expect(row.maintenance_comments).toContain("the disk is changed")

  await site.api.updateMaintenance(worker.name, "it takes longer")
  const run = await trigger("hello")
  await eventually(
    "the job is queued",
    () => site.api.jobs({ run: run.id, dag: "hello" }),
    (jobs) => jobs[0]?.state === "queued"
  )
  const [beats, asked] = [heartbeats(worker.gateway).length, fetches(worker.gateway).length]
  await eventually(
    "three more heartbeats",
    () => heartbeats(worker.gateway).length,
    (seen) => seen >= beats + 3
  )
  // one may have been on its way when the maintenance began
  expect(fetches(worker.gateway).length).toBeLessThanOrEqual(asked + 1)
  expect(await site.api.jobs({ run: run.id, dag: "hello" })).toMatchObject([{ state: "queued" }])
  const during = await site.api.worker(worker.name)
  expect(during?.state).toBe("maintenance mode")
  expect(during?.maintenance_comments).toContain("it takes longer")

  await site.api.exitMaintenance(worker.name)
  const after = await worker.reaches(["idle", "running"])
  expect(after.maintenance_comments ?? "").toBe("")
  expect(await site.api.dagRunEnded(run)).toBe("success")
})

test("shutdown requested on the site: the worker ends offline with code 0", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  await site.api.shutdown(worker.name)
  expect(await worker.end()).toEqual({ code: 0, signal: null })
  expect((await site.api.worker(worker.name))?.state).toBe("offline")
})

test("queues added and removed on the site change what the worker fetches", async () => {
  const worker = await startWorker({ queues: [`own-${process.pid}`] })
  await worker.reaches(["idle"])
  const run = await trigger("hello")
  await eventually(
    "the job is queued",
    () => site.api.jobs({ run: run.id, dag: "hello" }),
    (jobs) => jobs[0]?.state === "queued"
  )
  await site.api.addQueue(worker.name, "default")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  expect((await site.api.worker(worker.name))?.queues).toContain("default")

  await site.api.removeQueue(worker.name, "default")
  await eventually(
    "a fetch without it",
    () => lastFetch(worker.gateway),
    (seen) => !seen.includes('"default"')
  )
  expect((await site.api.worker(worker.name))?.queues).toEqual([`own-${process.pid}`])
})

test("concurrency set on the site changes what the worker asks for", async () => {
  const worker = await startWorker({ concurrency: 5 })
  await worker.reaches(["idle"])
  await eventually(
    "a fetch for five",
    () => lastFetch(worker.gateway),
    (seen) => /"free_concurrency": ?5\b/.test(seen)
  )
  await site.api.setConcurrency(worker.name, 2)
  await eventually(
    "a fetch for two",
    () => lastFetch(worker.gateway),
    (seen) => /"free_concurrency": ?2\b/.test(seen)
  )
  await eventually(
    "the site shows it",
    async () => (await site.api.worker(worker.name))?.sysinfo["concurrency"],
    (seen) => seen === 2
  )
})
