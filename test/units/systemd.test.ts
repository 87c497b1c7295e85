/** Our unit under a real systemd: what a stop, a restart and a kill do to its jobs, with each KillMode. */
import { join } from "node:path"
import { assert, describe, type TestContext, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { bundleWorker } from "../signals/bundle.ts"
import { Machine, monotonicNow } from "./Machine.ts"
import { settled } from "./settled.ts"
import { type Job, Site } from "./site.ts"

const patience = { seconds: 30, everyMillis: 50 }

/** A machine with our unit, changed by these lines of `[Service]`. */
const boot = async ({ onTestFinished }: TestContext, ...service: ReadonlyArray<string>) => {
  const site = new Site()
  const machine = new Machine(site)
  onTestFinished(async () => {
    await machine.close()
    await site.close()
  })
  await site.open()
  await machine.boot("RestartSec=100ms", ...service)
  return { machine, site }
}

const up = async (machine: Machine, site: Site) => {
  await machine.systemctl("enable", "--now", "edge-worker")
  await site.reaches("idle")
}

/** The same, whose worker is up. */
const start = async (context: TestContext, ...service: ReadonlyArray<string>) => {
  const made = await boot(context, ...service)
  await up(made.machine, made.site)
  return made
}

const kill = (machine: Machine, whom: "main" | "all") =>
  machine.systemctl("kill", `--kill-whom=${whom}`, "--signal=KILL", "edge-worker")

const restarted = (machine: Machine) =>
  machine.until("it was started again", ({ active, restarts }) => restarts === 1 && active === "active")

const inTime = (what: string, machine: Machine, jobs: ReadonlyArray<Job>) =>
  settled(what, jobs, monotonicNow, async () => (await machine.unit()).startedAt)

/** Nothing but the worker. */
const alone = (machine: Machine) =>
  eventually(
    "nothing is left of the jobs",
    () => machine.processes(),
    (left) => left.length === 1,
    patience
  )

const said = (machine: Machine, text: string) =>
  eventually(
    "journald has it",
    () => machine.journal(),
    (journal) => journal.includes(text),
    patience
  )

describe.concurrent("our unit: KillMode=process", () => {
  test("stop: it waits for the job; journald has what the worker says", async (context) => {
    const { machine, site } = await start(context)
    const job = await site.running("one")
    const stopped = machine.systemctl("stop", "edge-worker")
    await site.reaches("terminating")
    assert.strictEqual((await machine.unit()).active, "deactivating")
    job.tell("say while it drains")
    await job.says("while it drains")
    job.tell("end 0")
    await stopped
    const { active, result, status } = await machine.unit()
    assert.deepStrictEqual({ active, result, status }, { active: "inactive", result: "success", status: 0 })
    assert.strictEqual(await job.state(), "success")
    assert.strictEqual(await site.worker(), "offline")
    assert.match(await machine.journal(), /registered as [\s\S]*worker has ended/)
    assert.deepStrictEqual([job.runs], [1])
    await site.cleared()
  })

  test("restart: it waits for the job, then the next worker takes jobs", async (context) => {
    const { machine, site } = await start(context)
    const job = await site.running("one")
    const { mainPid } = await machine.unit()
    const restart = machine.systemctl("restart", "edge-worker")
    await site.reaches("terminating")
    job.tell("end 0")
    await restart
    await job.reaches("success")
    assert.notStrictEqual((await machine.unit()).mainPid, mainPid)
    const next = await site.running("two")
    next.tell("end 0")
    await next.reaches("success")
    assert.deepStrictEqual([job.runs, next.runs], [1, 1])
  })

  test("kill -9 of the worker: the next one finds the jobs, their whole logs and exit codes arrive", async (context) => {
    const { machine, site } = await start(context)
    const [one, wedged] = [await site.running("one"), await site.running("wedged")]
    await kill(machine, "main")
    one.tell("say without a worker")
    wedged.tell("say without a worker")
    await restarted(machine)
    await said(machine, "Found left-over process")
    await said(machine, "found units.wedged")
    await one.says("without a worker")
    await wedged.says("without a worker")
    assert.deepStrictEqual([await one.state(), await wedged.state()], ["running", "running"])
    one.tell("end 7")
    wedged.tell("end 0")
    await one.reaches("failed")
    await wedged.reaches("success")
    assert.match(
      await one.says("exited with code 7"),
      /begun(?![\s\S]*begun)[\s\S]*without a worker(?![\s\S]*without)/
    )
    await alone(machine)
    assert.deepStrictEqual([one.runs, wedged.runs], [1, 1])
    await site.cleared()
  })

  test("a job that ends while no worker is there: the next start tells how", async (context) => {
    const { machine, site } = await start(context, "Restart=no")
    const job = await site.running("one")
    await kill(machine, "main")
    await machine.until("the unit has failed", ({ active }) => active === "failed")
    job.tell("say the last word")
    job.tell("end 7")
    await eventually(
      "nothing of it runs",
      () => machine.processes(),
      (left) => left.length === 0,
      patience
    )
    assert.strictEqual(await job.state(), "running")
    await machine.systemctl("start", "edge-worker")
    await inTime("ended without a worker", machine, [job])
    assert.match(await job.says("exited with code 7"), /the last word/)
    assert.strictEqual(job.runs, 1)
  })

  test("TimeoutStopSec is over: systemd kills the worker alone, the job goes on under the next", async (context) => {
    const { machine, site } = await start(context, "TimeoutStopSec=1")
    const job = await site.running("one")
    await machine.systemctl("restart", "edge-worker")
    assert.include(await machine.journal(), "Failed with result 'timeout'")
    job.tell("say after it")
    await job.says("after it")
    job.tell("end 0")
    await job.reaches("success")
    assert.strictEqual(job.runs, 1)
  })

  test("the drain's own deadline: its tasks are ended and told, and the unit has not failed", async (context) => {
    const drain = ["TIMEOUT_SEC", "KILL_GRACE_SEC"].map((name) => `AIRFLOW__EDGE__DRAIN_${name}=1`)
    const { machine, site } = await start(context, `Environment=${drain.join(" ")}`)
    const job = await site.running("wedged")
    await machine.systemctl("stop", "edge-worker")
    assert.strictEqual(await job.state(), "failed")
    await job.says("ends this task with SIGKILL")
    const { active, result, status } = await machine.unit()
    assert.deepStrictEqual({ active, result, status }, { active: "inactive", result: "success", status: 21 })
    assert.deepStrictEqual(await machine.processes(), [])
  })

  test("a wrong configuration is said once, and not tried again", async (context) => {
    const { machine } = await boot(context, "Environment=AIRFLOW__EDGE_WORKER__TASK_ISOLATION=wrong")
    await machine.systemctl("start", "edge-worker")
    const { restarts, status } = await machine.until("it has failed", ({ active }) => active === "failed")
    assert.deepStrictEqual([restarts, status], [0, 78])
    assert.strictEqual((await machine.journal()).split("task_isolation").length, 2)
  })

  test("a task in TypeScript ends with its worker, and is settled by the next", async (context) => {
    const { machine, site } = await boot(
      context,
      'Environment="AIRFLOW__EDGE_WORKER__TASK_PROGRAM=node /var/lib/airflow/tasks.cjs"'
    )
    await bundleWorker(site.home, join(import.meta.dirname, "tasks.ts"))
    await up(machine, site)
    const job = await site.running("native")
    await kill(machine, "main")
    await restarted(machine)
    await inTime("process, a task in TypeScript", machine, [job])
    await job.says("the worker ended while the task ran, and the task with it")
    await eventually(
      "one task host is left, the next worker's",
      async () => (await machine.processes()).filter((command) => command.includes("task-host")),
      (hosts) => hosts.length === 1,
      patience
    )
  })
})

describe.concurrent("other KillModes", () => {
  test.for(["control-group", "mixed", "process"])(
    "%s: all killed at once: settled",
    async (mode, context) => {
      const { machine, site } = await start(context, `KillMode=${mode}`)
      const jobs = [await site.running("one"), await site.running("wedged")]
      await kill(machine, "all")
      await restarted(machine)
      await inTime(`${mode}, all killed`, machine, jobs)
      for (const job of jobs) await job.says("its process was killed, or the machine was restarted")
      await alone(machine)
      assert.deepStrictEqual([jobs.map((job) => job.runs)], [[1, 1]])
      await site.cleared()
    }
  )

  test("mixed: the worker killed: systemd kills its jobs at once: settled", async (context) => {
    const { machine, site } = await start(context, "KillMode=mixed")
    const jobs = [await site.running("one"), await site.running("wedged")]
    await kill(machine, "main")
    await restarted(machine)
    await inTime("mixed, the worker killed", machine, jobs)
    await alone(machine)
    assert.deepStrictEqual(
      jobs.map((job) => job.runs),
      [1, 1]
    )
  })

  test("mixed: stop: it waits for the job", async (context) => {
    const { machine, site } = await start(context, "KillMode=mixed")
    const job = await site.running("one")
    const stopped = machine.systemctl("stop", "edge-worker")
    await site.reaches("terminating")
    job.tell("end 0")
    await stopped
    assert.deepStrictEqual([await job.state(), (await machine.unit()).status, job.runs], ["success", 0, 1])
  })

  test("control-group: the worker killed: SIGTERM for its jobs, the next start waits for TimeoutStopSec", async (context) => {
    const { machine, site } = await start(context, "KillMode=control-group", "TimeoutStopSec=2")
    const [one, wedged] = [await site.running("one"), await site.running("wedged")]
    await kill(machine, "main")
    await restarted(machine)
    await said(machine, "State 'stop-sigterm' timed out")
    await inTime("control-group, the worker killed", machine, [one, wedged])
    await one.says("was killed by SIGTERM")
    await wedged.says("its process was killed")
    assert.deepStrictEqual([one.runs, wedged.runs], [1, 1])
  })

  test("control-group: stop: ends the job, which is told", async (context) => {
    const { machine, site } = await start(context, "KillMode=control-group")
    const job = await site.running("one")
    await machine.systemctl("stop", "edge-worker")
    assert.deepStrictEqual([await job.state(), await site.worker()], ["failed", "offline"])
    await job.says("was killed by SIGTERM")
  })
})
