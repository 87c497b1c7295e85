/** A worker is killed and started again: its running task is adopted, and what ended or died meanwhile is told. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { Run } from "../../scripts/airflow/api.ts"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { signalProcess } from "../../scripts/airflow/processes.ts"
import { jobsSucceed, sameLog, site, siteLog, trigger } from "./site.ts"
import { ours, startWorker, type WorkerProcess } from "./worker.ts"

const which = { task: "counts" }

/** The numbers that a try has counted to, in the order of the log. */
const counted = (log: string, attempt = 1) =>
  [...log.matchAll(/line (\d+) of try (\d+) /g)]
    .filter(([, , of]) => Number(of) === attempt)
    .map(([, line]) => Number(line))

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

/** A worker whose task has counted to 50, all of it on the site, and is killed there. */
const killedAtFifty = async () => {
  const worker = await startWorker()
  const folder = mkdtempSync(join(worker.home, "counting-"))
  const run = await trigger("counting", { folder, gates: "50,100" })
  // Nothing is on its way then: a push that the kill cuts may rightly be doubled.
  await eventually(
    "line 50 is on the site and its offset is kept",
    () => [counted(siteLog(run, which)).at(-1) ?? 0, isOffsetKept(worker, run)] as const,
    ([line, kept]) => line === 50 && kept
  )
  worker.signal("SIGKILL")
  const killedAt = Date.now()
  await worker.end()
  const open = (gate: number) => writeFileSync(join(folder, String(gate)), "")
  const ledger = () =>
    readFileSync(join(folder, "ledger"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
  return { worker, run, killedAt, open, ledger }
}

/** The gateway has answered the push of the file's last bytes, and two heartbeats since: the offset is in the journal. */
const isOffsetKept = (worker: WorkerProcess, run: Run) => {
  const { exchanges } = worker.gateway
  const last = exchanges.findLastIndex(({ path }) => path.startsWith(`logs/push/${run.dag}/`))
  const pushed = last >= 0 && exchanges[last]?.request.includes("line 50 of") === true
  return pushed && exchanges.slice(last).filter(({ path }) => path.startsWith("worker/")).length >= 2
}

const successor = async (worker: WorkerProcess, killedAt: number) => {
  const next = await startWorker({ name: worker.name, home: worker.home })
  const registered = await eventually(
    "the site has taken the worker again",
    () =>
      next.gateway.exchanges.find(
        ({ method, path, status }) => method === "POST" && path.startsWith("worker/") && status === 200
      ),
    (exchange) => exchange !== undefined,
    { seconds: 30, everyMillis: 20 }
  )
  process.stdout.write(`registered again ${(registered?.at ?? 0) - killedAt} ms after the kill\n`)
  return next
}

const jobFolders = (worker: WorkerProcess) => {
  const jobs = join(worker.home, "edge-worker", worker.name, "jobs")
  return existsSync(jobs) ? readdirSync(jobs).map((id) => join(jobs, id)) : []
}

test.runIf(ours)(
  "a task that runs is adopted: it goes on, runs once, and its log has each line once",
  async () => {
    const { worker, run, killedAt, open, ledger } = await killedAtFifty()
    open(50)
    const next = await successor(worker, killedAt)
    await eventually(
      "what was counted meanwhile is on the site",
      () => counted(siteLog(run, which)).at(-1),
      (line) => line === 100
    )
    expect(await next.reaches(["running"])).toMatchObject({ jobs_active: 1 })
    open(100)
    expect(await site.api.dagRunEnded(run)).toBe("success")
    expect(counted(await sameLog(worker.logFolder, run, which))).toEqual(upTo(150))
    await jobsSucceed(run, 1)
    expect(ledger()).toMatchObject([
      [run.id, "counts", "1", expect.anything(), "begins"],
      [run.id, "counts", "1", expect.anything(), "ends"]
    ])
    expect(next.output()).toContain("found counting.counts")
    await eventually(
      "the job's folder is gone",
      () => jobFolders(worker),
      (left) => left.length === 0
    )
  }
)

test.runIf(ours)(
  "a task that ends while no worker is there: its real end and the rest of its log are told",
  async () => {
    const { worker, run, killedAt, open, ledger } = await killedAtFifty()
    open(50)
    open(100)
    await eventually(
      "the job has ended",
      () => jobFolders(worker).map((folder) => existsSync(join(folder, "exit"))),
      (ended) => ended.length === 1 && ended[0] === true
    )
    expect(counted(siteLog(run, which))).toEqual(upTo(50))
    expect(await site.api.jobs({ run: run.id, dag: run.dag })).toMatchObject([{ state: "running" }])
    await successor(worker, killedAt)
    await jobsSucceed(run, 1)
    expect(counted(await sameLog(worker.logFolder, run, which))).toEqual(upTo(150))
    expect(await site.api.dagRunEnded(run)).toBe("success")
    expect(ledger().map((line) => line.at(-1))).toEqual(["begins", "ends"])
  }
)

test.runIf(ours)(
  "a task that was killed with its worker: failed at once with the reason, and Airflow tries again",
  async () => {
    const { worker, run, killedAt, open, ledger } = await killedAtFifty()
    await eventually(
      "the whole container is dead",
      () => {
        for (const { pid } of worker.tree()) signalProcess(pid, "SIGKILL")
        return worker.tree().length
      },
      (left) => left === 0
    )
    open(50)
    open(100)
    await successor(worker, killedAt)
    const [first] = await eventually(
      "the job of the first try ends",
      async () => (await site.api.jobs({ run: run.id, dag: run.dag })).filter((job) => job.try_number === 1),
      ([job]) => job !== undefined && job.state !== "running"
    )
    expect(first?.state).toBe("failed")
    process.stdout.write(`settled ${Date.now() - killedAt} ms after the kill\n`)
    expect(await site.api.dagRunEnded(run)).toBe("success")
    expect(await site.api.taskInstances(run)).toMatchObject([{ state: "success", try_number: 2 }])
    const log = await sameLog(worker.logFolder, run, which)
    expect(counted(log)).toEqual(upTo(50))
    expect(log).toContain("its process was killed")
    expect(counted(await sameLog(worker.logFolder, run, { ...which, try: 2 }), 2)).toEqual(upTo(150))
    expect(ledger().map((line) => line.slice(2, 3).concat(line.slice(-1)).join(" "))).toEqual([
      "1 begins",
      "2 begins",
      "2 ends"
    ])
  }
)
