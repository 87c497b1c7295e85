/** The real command line over a worker that only pretends: what it is asked goes to stdout, one line each. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { program } from "../../src/cli/program.ts"
import { runMain } from "../../src/cli/runMain.ts"
import type { WorkerParts } from "../../src/cli/workerParts.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { RegistrationRefused } from "../../src/worker/Registration.ts"
import { Settlement } from "../../src/worker/Settlement.ts"
import { Worker, type WorkerEnd } from "../../src/worker/Worker.ts"

const env = process.env
/** How many jobs run; they finish when they are terminated, stubborn ones when they are killed. */
const jobs = Number(env["FAKE_JOBS"] ?? "0")
const stubborn = env["FAKE_STUBBORN"] !== undefined
const reportsLeft = Number(env["FAKE_REPORTS_LEFT"] ?? "0")
/** `away` or `refused`: what the site does to the log of one job, with commas. */
const logsLeft = (env["FAKE_LOGS_LEFT"]?.split(",") ?? []).map((how, at) => ({
  job: { dag_id: "dag", task_id: `task${at}`, run_id: "run", try_number: 1, map_index: -1 },
  file: `/logs/${at}.log`,
  bytes: 5,
  refused: how === "refused"
}))
const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const make = Effect.gen(function* () {
  const { concurrency, name, queues } = yield* WorkerIdentity
  if (env["FAKE_START"] === "never") return yield* Effect.andThen(say("starting"), Effect.never)
  const refusal = new RegistrationRefused({ why: "name", reason: "there is another worker of this name" })
  const refused = env["FAKE_START"] === "refused"
  const ended = yield* Deferred.make<WorkerEnd, RegistrationRefused>()
  if (refused) yield* Deferred.fail(ended, refusal)
  const state = yield* Ref.make<{ jobs: number; drain: boolean; comments: string | null }>({
    jobs,
    drain: false,
    comments: null
  })
  const end = (reason: string, tasks: WorkerEnd["tasks"]) =>
    Deferred.succeed(ended, { reason, rejected: undefined, tasks, reportsLeft, logBytesLeft: 0 })
  const stop = (what: "drain" | "terminate" | "kill", reason: string) =>
    Effect.gen(function* () {
      yield* Ref.update(state, (now) => ({ ...now, drain: true }))
      yield* say(`${what} ${reason}`)
      const { jobs } = yield* Ref.get(state)
      if (jobs === 0) yield* end(reason, "finished")
      else if (what === "terminate" && !stubborn) yield* end(reason, "terminated")
      else if (what === "kill" && env["FAKE_STUBBORN"] !== "forever") yield* end(reason, "killed")
    })
  yield* say("running")
  return Worker.of({
    status: Effect.map(Ref.get(state), ({ comments, drain, jobs }) => ({
      job_count: jobs,
      jobs: Array.from({ length: jobs }, (_, at) => ["dag", `task${at}`, "run", 1, -1] as const),
      state: drain
        ? "terminating"
        : comments === null
          ? jobs > 0
            ? "running"
            : "idle"
          : jobs > 0
            ? "maintenance pending"
            : "maintenance mode",
      maintenance: comments !== null,
      maintenance_comments: comments,
      drain,
      worker_name: name,
      pid: 0,
      queues,
      concurrency,
      free_concurrency: concurrency - jobs,
      last_heartbeat: null,
      site_problem: null,
      reports_waiting: 0,
      log_bytes_waiting: 0
    })),
    enterMaintenance: (comments) =>
      Effect.andThen(
        Ref.update(state, (now) => ({ ...now, comments })),
        say(`maintenance ${JSON.stringify(comments)}`)
      ),
    leaveMaintenance: Effect.andThen(
      Ref.update(state, (now) => ({ ...now, comments: null })),
      say("maintenance off")
    ),
    drain: (reason) => stop("drain", reason),
    terminate: (reason) => stop("terminate", reason),
    kill: (reason) => stop("kill", reason),
    registered: refused ? Effect.fail(refusal) : Effect.void,
    ended: Deferred.await(ended)
  })
})

const parts: WorkerParts = {
  config: (options) =>
    Layer.succeed(
      EdgeConfig,
      testSettings({
        airflowHome: env["AIRFLOW_HOME"] ?? "/nowhere",
        stateFolder: env["AIRFLOW__EDGE_WORKER__STATE_FOLDER"],
        concurrency: options.concurrency ?? 8,
        daemonUmask: options.umask ?? 0o077
      })
    ),
  worker: () => Layer.effect(Worker, make),
  settlement: () =>
    Layer.succeed(Settlement, {
      running: Effect.succeed(jobs),
      run: ({ kill }) =>
        Effect.succeed({
          open: jobs,
          logs: 0,
          reports: kill ? 1 : 0,
          reportsLeft,
          logBytesLeft: logsLeft.reduce((sum, { bytes }) => sum + bytes, 0),
          logsLeft,
          nameFreed: jobs === 0 ? undefined : true
        })
    })
}

runMain(program(parts, process.argv.slice(2)))
