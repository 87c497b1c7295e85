/** A runner whose jobs are Effects in this process: it needs no Python and no Airflow on the machine. */
import { appendFile } from "node:fs/promises"
import { type JobToRun, type Outcome, Runner, StartFailed } from "edge-worker"
import { Effect, Fiber, Layer } from "effect"

const line = (event: string) =>
  `${JSON.stringify({ timestamp: new Date().toISOString(), level: "info", event, logger: "word-count" })}\n`

/** Where a job's log goes; replaced in tests. */
export interface Log {
  readonly write: (file: string, text: string) => Effect.Effect<void>
}

export const logToFile: Log = { write: (file, text) => Effect.promise(() => appendFile(file, text)) }

/** The work itself: an ordinary Effect. */
const countWords = (log: Log, job: JobToRun, text: string) =>
  Effect.gen(function* () {
    const words = text.split(/\s+/).filter((word) => word !== "").length
    yield* log.write(job.logFile, line(`${job.claim.job.task_id}: ${words} words`))
  })

/** The runner: starts a fiber a job, and stops it by interruption. */
export const wordCountRunner = (log: Log = logToFile) =>
  Layer.effect(
    Runner,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      return Runner.of({
        start: Effect.fnUntraced(function* (job) {
          if (job.claim.job.command.type !== "ExecuteTask") {
            return yield* new StartFailed({ reason: "this worker runs tasks only" })
          }
          const fiber = yield* countWords(log, job, "to be or not to be").pipe(Effect.forkIn(scope))
          const outcome = Effect.map(
            Fiber.await(fiber),
            (exit): Outcome =>
              exit._tag === "Success"
                ? { _tag: "Succeeded" }
                : { _tag: "Failed", reason: `failed: ${exit.cause}`, stderr: "" }
          )
          return { handle: null, outcome, stop: () => Fiber.interrupt(fiber) }
        }),
        // A fiber does not survive its process: nothing can be found again after a restart.
        adopt: () => Effect.succeed({ _tag: "Gone", reason: "it ended with the worker's process" })
      })
    })
  )
