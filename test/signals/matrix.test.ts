/** Every signal in every state of a worker, with real processes: what is promised of it (docs/exit-codes.md). */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it, type TestContext } from "vitest"
import { bundleWorker } from "./bundle.ts"
import { type Manner, Site, type Task, type WorkerProcess } from "./site.ts"

const signals = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"] as const
const states = ["idle", "busy", "draining", "maintenance"] as const
const manners = ["obedient", "wedged"] as const

interface Cell {
  readonly signal: (typeof signals)[number]
  readonly state: (typeof states)[number]
  /** An idle worker has no task when the signal comes. */
  readonly task: Manner | "none"
  readonly site: "up" | "down"
}

const cells: ReadonlyArray<Cell> = (["up", "down"] as const).flatMap((site) =>
  signals.flatMap((signal) =>
    states.flatMap((state) =>
      (state === "idle" ? (["none"] as const) : manners).map((task) => ({ signal, state, task, site }))
    )
  )
)

const comments = "a new disk"
const folder = mkdtempSync(join(tmpdir(), "edge-worker-bundle-"))
let program = ""
beforeAll(async () => {
  program = await bundleWorker(folder)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** One cell under way. */
class Run {
  readonly cell: Cell
  readonly site = new Site(program)
  task: Task | undefined

  constructor(cell: Cell) {
    this.cell = cell
  }

  get stored() {
    return this.site.central.workers.get("one")
  }

  async worker(): Promise<WorkerProcess> {
    const { signal, state, task } = this.cell
    await this.site.central.up()
    if (task !== "none") this.task = this.site.task("first", task)
    const first = (signal === "SIGTERM" || signal === "SIGINT") && state !== "draining"
    const worker = this.site.start(
      // Only where the drain is to end a task by itself; elsewhere it waits for ever.
      first && task === "wedged"
        ? { AIRFLOW__EDGE__DRAIN_TIMEOUT_SEC: "1", AIRFLOW__EDGE__DRAIN_KILL_GRACE_SEC: "1" }
        : {}
    )
    await worker.says("registered as one")
    if (this.task !== undefined) {
      const { task } = this
      await this.site.central.until(() => task.log.includes("begun") && task.stored.state === "running")
    }
    if (state === "draining") {
      worker.signal("SIGTERM")
      await this.site.central.until(() => this.stored?.state === "terminating")
    }
    if (state === "maintenance") {
      await worker.maintenance(comments)
      await this.site.central.until(() => this.stored?.state === "maintenance pending")
    }
    if (this.cell.site === "down") {
      await this.site.central.down()
      await worker.says("heartbeat not accepted")
    }
    return worker
  }

  /** The task ends by itself, and the site hears of it when it is back. */
  async finish(worker: WorkerProcess): Promise<void> {
    this.task?.letGo()
    if (this.task !== undefined) await worker.says("finished dag.first")
    await this.back()
  }

  async back(): Promise<void> {
    if (this.cell.site === "down") await this.site.central.up()
  }

  /** After the end: the task's own end told once, its whole log told, nothing left. */
  settled(end: "success" | "failed" | undefined): void {
    if (this.task !== undefined) {
      assert.strictEqual(this.task.ends.join(), end)
      assert.deepStrictEqual(this.site.missing(this.task), [])
    }
    assert.deepStrictEqual(this.site.left, [])
    assert.deepStrictEqual(this.site.taskProcesses, [])
  }
}

const toTasks = "SIGTERM to all tasks"
const killed = "all tasks are killed"

/** SIGTERM, SIGINT and SIGQUIT. */
const ends = async (run: Run, worker: WorkerProcess) => {
  const { signal, site, state, task } = run.cell
  const gentle = signal !== "SIGQUIT" && state !== "draining"
  worker.signal(signal)
  if (task === "none") {
    assert.strictEqual(await worker.ended(), 0)
    return run.settled(undefined)
  }
  if (gentle && task === "obedient") {
    await worker.says(`${signal}: running jobs finish first`)
    await run.finish(worker)
    assert.strictEqual(await worker.ended(), 0)
    assert.include(run.task?.log ?? "", "over")
    return run.settled("success")
  }
  if (!gentle) {
    await worker.says(toTasks)
    if (task === "wedged") {
      await worker.says("sending SIGTERM to 1 job")
      assert.isAbove(run.site.taskProcesses.length, 2)
      worker.signal(signal)
      await worker.says(killed)
    }
  }
  await worker.says("ERROR")
  if (site === "down") await run.back()
  assert.strictEqual(await worker.ended(), task === "wedged" ? 21 : 20)
  assert.include(run.task?.log ?? "", `ends this task with SIG${task === "wedged" ? "KILL" : "TERM"}`)
  assert.notInclude(run.task?.log ?? "", "over\n")
  run.settled("failed")
}

/** SIGHUP, SIGUSR1 and SIGUSR2: the worker is what it was, does its work, and can be ended. */
const goesOn = async (run: Run, worker: WorkerProcess) => {
  const { signal, state, task } = run.cell
  if (signal !== "SIGUSR2") worker.signal(signal)
  if (signal === "SIGHUP") await worker.says("SIGHUP: log files are opened anew")
  const status = await worker.status()
  assert.strictEqual(
    status.state,
    { idle: "idle", busy: "running", draining: "terminating", maintenance: "maintenance pending" }[state]
  )
  assert.strictEqual(status.job_count, task === "none" ? 0 : 1)
  assert.strictEqual(status.maintenance_comments?.includes(comments) ?? false, state === "maintenance")
  assert.notInclude(worker.output, "Debugger listening")
  if (task === "none") {
    await run.back()
    run.task = run.site.task("first", "obedient")
    await run.site.central.until(() => run.task?.log.includes("begun") ?? false)
  }
  await leave(run, worker)
}

/** Lets an obedient task finish, and kills a wedged one, by way of the signals that do that. */
const leave = async (run: Run, worker: WorkerProcess) => {
  if (run.cell.task === "wedged") {
    worker.signal("SIGQUIT")
    await worker.says(toTasks)
    worker.signal("SIGQUIT")
    await worker.says("ERROR")
    await run.back()
    assert.strictEqual(await worker.ended(), 21)
    return run.settled("failed")
  }
  if (run.cell.task === "none") {
    run.task?.letGo()
    await worker.says("finished dag.first")
  } else await run.finish(worker)
  await run.site.central.until(() => run.task?.ends.length === 1)
  worker.signal("SIGTERM")
  assert.strictEqual(await worker.ended(), 0)
  run.settled("success")
}

/** SIGKILL: the next worker on the same state folder goes on where this one was cut off. */
const restarts = async (run: Run, worker: WorkerProcess) => {
  const { state, task } = run.cell
  worker.signal("SIGKILL")
  assert.strictEqual(await worker.ended(), "SIGKILL")
  const before = run.site.taskProcesses
  const next = run.site.start()
  if (task === "none") {
    await run.back()
    await next.says("registered as one")
    run.task = run.site.task("first", "obedient")
    await run.site.central.until(() => run.task?.log.includes("begun") ?? false)
    return leave(run, next)
  }
  await next.says("found dag.first")
  assert.deepStrictEqual(run.site.taskProcesses, before)
  if (run.cell.site === "up") {
    await next.says("registered as one")
    if (state === "maintenance") {
      await run.site.central.until(() => run.stored?.state === "maintenance pending")
      assert.include(run.stored?.comments ?? "", comments)
    }
  }
  await leave(run, next)
}

/** Closed also where the test runs out of time. */
const begin = (cell: Cell, { onTestFinished }: TestContext) => {
  const run = new Run(cell)
  onTestFinished(() => run.site.close())
  return run
}

const check = async (cell: Cell, context: TestContext) => {
  const run = begin(cell, context)
  const worker = await run.worker()
  if (cell.signal === "SIGKILL") return restarts(run, worker)
  if (cell.signal === "SIGTERM" || cell.signal === "SIGINT" || cell.signal === "SIGQUIT")
    return ends(run, worker)
  return goesOn(run, worker)
}

describe.concurrent("signal matrix", () => {
  const away = "a site that stays away: what it has not heard is left for the next worker: 75"
  it(away, { timeout: 120_000 }, async (context) => {
    const run = begin({ signal: "SIGQUIT", state: "busy", task: "obedient", site: "down" }, context)
    const worker = await run.worker()
    worker.signal("SIGQUIT")
    assert.strictEqual(await worker.ended(), 75)
    assert.deepStrictEqual(run.task?.ends, [])
    await run.site.central.up()
    const next = run.site.start()
    await run.site.central.until(() => run.task?.ends.length === 1)
    next.signal("SIGTERM")
    assert.strictEqual(await next.ended(), 0)
    run.settled("failed")
  })
  for (const cell of cells) {
    const { signal, site, state, task } = cell
    it(`${signal} × ${state} × task ${task} × site ${site}`, { timeout: 60_000 }, (context) =>
      check(cell, context)
    )
  }
})
