/** Attempts: begins the attempts of this worker, each with a log, a token and secrets of its own. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { EdgeConfig } from "../../config/EdgeConfig.ts"
import { WorkerIdentity } from "../../config/WorkerIdentity.ts"
import { LogAppender } from "../../platform/LogAppender.ts"
import { UserName } from "../../platform/UserName.ts"
import { display, type ExecuteTask, logPathOf } from "../../protocol/Job.ts"
import type { JobToRun, Outcome } from "../Runner.ts"
import { attempt, type RunningAttempt } from "./Attempt.ts"
import { attemptMasker } from "./attemptMasker.ts"
import { ExecutionClients } from "./ExecutionClient.ts"
import { heartbeatRules } from "./executionPatience.ts"
import { LogUpload } from "./LogUpload.ts"
import { SecretsBackends } from "./SecretsBackends.ts"
import type { TaskChannel } from "./TaskChannel.ts"
import { openTaskLog } from "./TaskLog.ts"
import { XComBackend } from "./XComBackend.ts"

/** How long Airflow's supervisor waits between SIGTERM and SIGKILL. */
const grace = Duration.seconds(5)

/** What an attempt is made of, besides the worker's own. */
export interface AttemptWanted {
  readonly job: JobToRun
  /** The workload of the job. */
  readonly task: ExecuteTask
  readonly channel: TaskChannel
  /** Called once, as soon as the site has decided: from here on the outcome is known, whatever happens to this worker. */
  readonly known?: ((outcome: Outcome) => Effect.Effect<void>) | undefined
}

/** Begins attempts. */
export class Attempts extends Context.Service<
  Attempts,
  {
    /** It goes on in the scope, which must outlive its outcome: where it ends before, the attempt is forgotten. */
    readonly begin: (wanted: AttemptWanted) => Effect.Effect<RunningAttempt, never, Scope.Scope>
  }
>()("edge-worker/runner/attempt/Attempts") {
  static readonly layer = Layer.effect(
    Attempts,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const { name: hostname } = yield* WorkerIdentity
      const clients = yield* ExecutionClients
      const secrets = yield* SecretsBackends
      const xcomBackend = yield* XComBackend
      const appender = yield* LogAppender
      const { upload } = yield* LogUpload
      const unixname = yield* UserName
      const tolerance = config.outageTolerance ?? config.taskInstanceHeartbeatTimeout

      const begin = Effect.fnUntraced(function* ({ channel, job, known, task }: AttemptWanted) {
        const { ti, token } = task
        const masker = attemptMasker(config)
        const log = yield* openTaskLog({ file: job.logFile, ti, masker }).pipe(
          Effect.provideService(EdgeConfig, config),
          Effect.provideService(LogAppender, appender)
        )
        const running = yield* attempt({
          task,
          channel,
          client: yield* clients.open({ token, carrier: ti.context_carrier }),
          log,
          masker,
          secrets,
          xcomBackend,
          stateRetentionDays: config.stateRetentionDays,
          holder: {
            name: display(job.claim.job),
            taskInstanceId: ti.id,
            hostname,
            unixname,
            pid: channel.pid
          },
          heartbeats: heartbeatRules(config),
          graceMillis: Duration.toMillis(grace),
          overtimeMillis: Duration.toMillis(config.taskSuccessOvertime),
          tellMillis: Duration.toMillis(tolerance),
          known
        })
        const uploaded = upload({ file: job.logFile, logPath: logPathOf(job.claim.job), ti }).pipe(
          Effect.catchCause((cause) =>
            Effect.logWarning(`the log of ${display(job.claim.job)} was not uploaded`, cause)
          )
        )
        // Once, however often the outcome is asked for.
        const outcome = yield* Effect.cached(Effect.tap(running.outcome, () => uploaded))
        return { ...running, outcome } satisfies RunningAttempt
      })
      return Attempts.of({ begin })
    })
  )
}
