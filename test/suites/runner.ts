/** The contract of every runner: start, outcome, stop and adopt, on jobs whose workload says how to behave. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { type JobToRun, Runner, type RunningJob } from "../../src/runner/Runner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { scratchFolder, startLayer } from "../runner/runnerLayer.ts"
import { until } from "../runner/until.ts"

/**
 * What a job of this suite does. `scratch` is the folder where it leaves what the test looks for:
 * - `ok` ends well; `exit-3` prints `leaving`, the byte 0xff and a line end to stderr and exits with 3
 * - `crash` sends SIGKILL to itself
 * - `polite` writes `ready`, and on SIGTERM exits with 7; `wait` writes `ready` and ends well once `go` is there
 * - `tree` ignores SIGTERM, starts a process in a session of its own that ignores it too, writes that one's pid into
 *   `grandchild`, and waits
 * - `environment` writes its environment as JSON into `environment`
 */
export type Behaviour = "ok" | "exit-3" | "crash" | "polite" | "wait" | "tree" | "environment"

let count = 0

/** A job of the suite in a folder of its own. */
export const jobOf = (state: string, behaviour: Behaviour): JobToRun & { readonly scratch: string } => {
  const id = `job-${process.pid}-${count++}`
  const folder = join(state, "jobs", id)
  const scratch = join(state, "scratch", id)
  mkdirSync(folder, { mode: 0o700 })
  mkdirSync(scratch, { recursive: true })
  const job = testJob(behaviour)
  // the Dag file's path is what carries the scratch folder to the job
  const command = { ...job.command, token: "only-for-this-task", dag_rel_path: scratch }
  const logFile = join(state, "logs", `${id}.log`)
  return {
    claim: { id, job: { ...job, command: command as never }, claimedAt: 0, expires: null },
    folder,
    logFile,
    scratch
  }
}

const text = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : undefined)
const number = (file: string) => Number(text(file)) || undefined

/**
 * Runs the contract on one kind of runner. Building it again on the same state folder is a restart of the worker.
 * `isAttempt`: the worker itself tells the site what became of a task, and no task outlives it.
 */
export const suite = <E>(
  name: string,
  make: (state: string, env: Readonly<Record<string, string>>) => Layer.Layer<Runner, E>,
  { isAttempt = false }: { readonly isAttempt?: boolean } = {}
) => {
  const test = (
    title: string,
    body: (on: {
      readonly state: string
      readonly runner: Runner["Service"]
      readonly restart: Effect.Effect<Runner["Service"], E, Scope.Scope>
    }) => Effect.Effect<void, unknown, Scope.Scope>,
    env: Readonly<Record<string, string>> = {}
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const state = yield* scratchFolder
        const first = yield* startLayer(make(state, env))
        const restart = Effect.gen(function* () {
          yield* first.stop
          const second = yield* startLayer(make(state, env))
          return yield* Effect.provide(Runner, second.context)
        })
        const runner = yield* Effect.provide(Runner, first.context)
        yield* body({ state, runner, restart })
      })
    )

  describe(name, () => {
    test("a job that ends well succeeds, and leaves no token behind", ({ runner, state }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "ok")
        const running = yield* runner.start(job)
        assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
        for (const file of readdirSync(job.folder)) {
          assert.notInclude(text(join(job.folder, file)), "only-for-this-task", file)
        }
      }))

    const processOnly = isAttempt ? () => undefined : test
    const attemptOnly = isAttempt ? test : () => undefined

    processOnly("an exit code is a failure, with what stderr holds", ({ runner, state }) =>
      Effect.gen(function* () {
        const outcome = yield* (yield* runner.start(jobOf(state, "exit-3"))).outcome
        assert.deepStrictEqual(outcome, {
          _tag: "Failed",
          reason: "exited with code 3",
          exitCode: 3,
          stderr: "leaving\\xff\n"
        })
      })
    )

    processOnly("a process that is killed is a failure that names the signal", ({ runner, state }) =>
      Effect.gen(function* () {
        const outcome = yield* (yield* runner.start(jobOf(state, "crash"))).outcome
        assert.strictEqual(outcome._tag, "Failed")
        assert.propertyVal(outcome, "reason", "was killed by SIGKILL")
        assert.propertyVal(outcome, "signal", "SIGKILL")
      })
    )

    attemptOnly("a job is done when the site has heard what became of its task", ({ runner, state }) =>
      Effect.gen(function* () {
        for (const behaviour of ["exit-3", "crash"] as const) {
          const running = yield* runner.start(jobOf(state, behaviour))
          assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
        }
      })
    )

    test("term asks the supervisor to end", ({ runner, state }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "polite")
        const running = yield* runner.start(job)
        yield* until(() => text(join(job.scratch, "ready")))
        yield* running.stop("term")
        assert.deepInclude(yield* running.outcome, isAttempt ? { _tag: "Succeeded" } : { exitCode: 7 })
      }))

    test("kill removes the whole tree, also what ignores SIGTERM in a session of its own", ({
      runner,
      state
    }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "tree")
        const running = yield* runner.start(job)
        const grandchild = yield* until(() => number(join(job.scratch, "grandchild")))
        yield* running.stop("term")
        assert.isDefined(identify(grandchild))
        yield* running.stop("kill")
        assert.isUndefined(identify(grandchild))
        assert.deepInclude(yield* running.outcome, isAttempt ? { _tag: "Succeeded" } : { signal: "SIGKILL" })
      }))

    test("who waits does not own the process, and the outcome can be asked for again", ({ runner, state }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "wait")
        const running = yield* runner.start(job)
        const waiting = yield* Effect.forkChild(running.outcome, { startImmediately: true })
        yield* until(() => text(join(job.scratch, "ready")))
        yield* Fiber.interrupt(waiting)
        mkdirSync(join(job.scratch, "go"))
        assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
        assert.deepStrictEqual(yield* running.outcome, { _tag: "Succeeded" })
      }))

    const readopt = (
      title: string,
      meanwhile: (job: { readonly scratch: string }) => Effect.Effect<void>,
      after: (job: { readonly scratch: string }, adopted: RunningJob) => Effect.Effect<void>,
      expected: object,
      known = true
    ) =>
      processOnly(title, ({ restart, runner, state }) =>
        Effect.gen(function* () {
          const job = jobOf(state, "wait")
          const { handle } = yield* runner.start(job)
          yield* until(() => text(join(job.scratch, "ready")))
          yield* meanwhile(job)
          const again = yield* restart
          const adopted = yield* again.adopt({
            ...job,
            handle: known ? JSON.parse(JSON.stringify(handle)) : undefined
          })
          assert(adopted._tag === "Found")
          yield* after(job, adopted.job)
          assert.deepInclude(yield* adopted.job.outcome, expected)
        })
      )

    readopt(
      "a restarted worker finds a running job again",
      () => Effect.void,
      (job) => Effect.sync(() => mkdirSync(join(job.scratch, "go"))),
      { _tag: "Succeeded" }
    )
    readopt(
      "a restarted worker finds a job that it had started but not noted",
      () => Effect.void,
      (job) => Effect.sync(() => mkdirSync(join(job.scratch, "go"))),
      { _tag: "Succeeded" },
      false
    )
    readopt(
      "a restarted worker can stop a job that it finds",
      () => Effect.void,
      (_, adopted) => adopted.stop("kill"),
      { _tag: "Failed" }
    )
    readopt(
      "a restarted worker learns of an end that nobody has seen",
      (job) =>
        Effect.andThen(
          Effect.sync(() => mkdirSync(join(job.scratch, "go"))),
          until(() =>
            text(join(job.scratch, "..", "..", "jobs", job.scratch.split("/").at(-1) ?? "", "exit"))
          )
        ),
      () => Effect.void,
      { _tag: "Succeeded" }
    )

    test("what this machine cannot start is not started, and can be once it can", ({ runner, state }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "ok")
        const jobs = join(state, "jobs")
        renameSync(jobs, `${jobs}.away`)
        const error = yield* Effect.flip(runner.start(job))
        assert.strictEqual(error._tag, "NotStarted", error.reason)
        assert.include(error.reason, "cannot be written")
        renameSync(`${jobs}.away`, jobs)
        assert.deepStrictEqual(yield* (yield* runner.start(job)).outcome, { _tag: "Succeeded" })
      }))

    for (const known of [true, false])
      attemptOnly(
        `a task ends with its worker, its job ${known ? "" : "not "}noted`,
        ({ restart, runner, state }) =>
          Effect.gen(function* () {
            const job = jobOf(state, "tree")
            const { handle } = yield* runner.start(job)
            const grandchild = yield* until(() => number(join(job.scratch, "grandchild")))
            const again = yield* restart
            assert.isUndefined(identify(grandchild))
            const left = { ...job, handle: known ? JSON.parse(JSON.stringify(handle)) : undefined }
            assert.strictEqual((yield* again.adopt(left))._tag, "Gone")
          })
      )

    attemptOnly("a restarted worker learns of an end that the site has heard", ({ restart, runner, state }) =>
      Effect.gen(function* () {
        const job = jobOf(state, "ok")
        const { handle, outcome } = yield* runner.start(job)
        yield* outcome
        const adopted = yield* (yield* restart).adopt({ ...job, handle })
        assert(adopted._tag === "Found")
        assert.deepStrictEqual(yield* adopted.job.outcome, { _tag: "Succeeded" })
      })
    )

    test("a handle of nothing is nothing", ({ runner, state }) =>
      Effect.gen(function* () {
        const { claim, folder } = jobOf(state, "wait")
        assert.strictEqual((yield* runner.adopt({ claim, folder, handle: { kind: "else" } }))._tag, "Gone")
        const handle = { kind: "airflow", job: "x", folder: "/nowhere", host: null }
        assert.strictEqual((yield* runner.adopt({ claim, folder, handle }))._tag, "Gone")
      }))

    test("a job that was never started is known as such, and its workload is gone", ({ runner, state }) =>
      Effect.gen(function* () {
        const { claim, folder } = jobOf(state, "wait")
        const workload = join(folder, "workload-1.json")
        writeFileSync(workload, "{}")
        assert.strictEqual((yield* runner.adopt({ claim, folder, handle: undefined }))._tag, "NeverStarted")
        assert.isFalse(existsSync(workload))
      }))

    processOnly(
      "a job gets its mark and the worker's name, and no secret of the site",
      ({ runner, state }) =>
        Effect.gen(function* () {
          const job = jobOf(state, "environment")
          yield* (yield* runner.start(job)).outcome
          const seen = JSON.parse(text(join(job.scratch, "environment")) ?? "{}")
          assert.deepInclude(seen, {
            EDGE_WORKER_JOB: job.claim.id,
            HOSTNAME: "here",
            AIRFLOW_CONN_MINE: "mine",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL: "http://site.test/execution"
          })
          assert.notInclude(JSON.stringify(seen), "the shared secret")
        }),
      {
        AIRFLOW__API_AUTH__JWT_SECRET: "the shared secret",
        AIRFLOW__API_AUTH__JWT_SECRET_CMD: "echo the shared secret",
        AIRFLOW_CONN_MINE: "mine"
      }
    )
  })
}
