/** stop: `edge-worker stop`. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { type LocalStatus, type LocalWorker, lives } from "./LocalWorker.ts"
import { chosenWorker, localFlags } from "./localFlags.ts"
import * as Progress from "./Progress.ts"
import { jobsText } from "./printStatus.ts"

const wait = Flag.Boolean("wait").pipe(
  Flag.withAlias("w"),
  Flag.withDescription("Return only when the worker's process is gone"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

const waitingFor = (status: LocalStatus): string =>
  status.job_count > 0 ? `${jobsText(status.job_count)} to finish` : "it to go offline"

const untilGone = Effect.fnUntraced(function* (worker: LocalWorker, first: LocalStatus) {
  const progress = Progress.make()
  yield* Effect.gen(function* () {
    progress.show(`Waiting for ${waitingFor(first)} …`)
    for (let slept = 0; lives(worker); slept += 100) {
      yield* Effect.sleep(100)
      if (slept < worker.pollMillis) continue
      slept = 0
      // that it ends while it is asked is what we wait for
      const status = yield* Effect.option(worker.ask({ op: "status" }))
      if (status._tag === "Some") progress.show(`Waiting for ${waitingFor(status.value)} …`)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => progress.end())))
  yield* Effect.sync(() => process.stderr.write(`${worker.title} has ended.\n`))
})

export const stop = Command.make("stop", { ...localFlags, wait }, (flags) =>
  Effect.gen(function* () {
    const worker = yield* chosenWorker(flags)
    const status = yield* worker.ask({ op: "stop" }).pipe(
      // with nothing to finish it may be gone before it can answer: that is what was asked for
      Effect.catchIf(
        (error) => error.exit === "gone",
        () => Effect.succeed(undefined)
      )
    )
    const jobs = status === undefined ? 0 : status.job_count
    yield* Effect.sync(() =>
      process.stderr.write(
        `${worker.title} stops${jobs === 0 ? "" : `; ${jobsText(jobs)} ${jobs === 1 ? "finishes" : "finish"} first`}.\n`
      )
    )
    if (flags.wait && status !== undefined) yield* untilGone(worker, status)
  })
).pipe(
  Command.withShortDescription("Let the worker's jobs finish, then end it"),
  Command.withDescription(
    [
      "Asks the worker to drain: it takes no more jobs, lets the running ones finish, and goes offline.",
      "The same as one SIGTERM. Sending SIGTERM again ends the tasks, once more kills them.",
      "",
      "Exit codes: 0 it stops (with -w: it has ended); 1 no worker was found; 3 it did not answer."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "edge-worker stop", description: "Return at once" },
    { command: "edge-worker stop -w", description: "Return when the worker has ended" }
  ])
)
