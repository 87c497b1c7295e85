/** RunnerChoice: the one runner of a worker, which chooses among the kinds by what a job carries. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { commandFor } from "../config/commandTable.ts"
import { isNodeQueue } from "../config/coordinators.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { JobFolder } from "../platform/JobFolder.ts"
import { LocalAirflow } from "../platform/LocalAirflow.ts"
import { type Claim, queueOf } from "../protocol/Job.ts"
import { AirflowRunner } from "./AirflowRunner.ts"
import { Tasks } from "./attempt/TaskChannel.ts"
import { CommandRunner } from "./CommandRunner.ts"
import { type JobLeft, type JobToRun, Runner, UnknownTask } from "./Runner.ts"

const kindOf = (handle: JobLeft["handle"]) =>
  typeof handle === "object" && handle !== null && "kind" in handle ? handle["kind"] : undefined

/** Names in a message: all of them would be more than anybody reads. */
const SHOWN = 20

/**
 * A configured command goes first, then a task in TypeScript, then Python: where there is one, and the queue is not one of
 * TypeScript. A job that a dead worker has left stays with the kind that began it.
 */
export const RunnerChoice = {
  /** `task`: the kind for tasks in TypeScript, `runs`: as for `AirflowRunner.layer`. */
  layer: <E, R>(options: { readonly task: Layer.Layer<Runner, E, R>; readonly runs?: string }) =>
    Layer.effect(
      Runner,
      Effect.gen(function* () {
        const config = yield* EdgeConfig
        const jobFolder = yield* JobFolder
        const localAirflow = yield* LocalAirflow
        const tasks = yield* Tasks
        const airflow = Context.get(yield* Layer.build(AirflowRunner.layer(options)), Runner)
        const command = Context.get(yield* Layer.build(CommandRunner.layer), Runner)
        const task = Context.get(yield* Layer.build(options.task), Runner)

        const nameOf = ({ job: { dag_id, task_id } }: Claim) => `${dag_id}.${task_id}`
        /** What there is for it besides Python; a callback is Airflow's own code, whatever its job is called. */
        const kindFor = Effect.fnUntraced(function* ({ job }: Claim) {
          if (job.command.type !== "ExecuteTask") return "airflow"
          if (commandFor(config.commands, job) !== undefined) return "command"
          const registered = yield* tasks.registered
          if (registered.some(({ dag_id, task_id }) => dag_id === job.dag_id && task_id === job.task_id)) {
            return "task"
          }
          return isNodeQueue(config, queueOf(job)) ? "none" : "airflow"
        })

        /** Nothing here can run it: which task it is, and what there is instead. */
        const unknown = Effect.fnUntraced(function* (claim: Claim, more: ReadonlyArray<string>) {
          const registered = yield* tasks.registered
          const names = registered.slice(0, SHOWN).map(({ dag_id, task_id }) => `${dag_id}.${task_id}`)
          const rest = registered.length > SHOWN ? `, and ${registered.length - SHOWN} more` : ""
          const has = names.length === 0 ? "no tasks in TypeScript" : `${names.join(", ")}${rest}`
          return new UnknownTask({
            reason: [`this worker cannot run ${nameOf(claim)}: it has ${has}`, ...more].join(", and ")
          })
        })

        const startInPython = Effect.fnUntraced(function* (job: JobToRun) {
          const missing = yield* Effect.match(localAirflow.current, {
            onSuccess: () => undefined,
            onFailure: (error) => error.message
          })
          if (missing === undefined) return yield* airflow.start(job)
          const noCommand =
            config.commands.size === 0
              ? []
              : [`no command is configured for ${nameOf(job.claim)} in [edge_worker] commands`]
          return yield* yield* unknown(job.claim, [...noCommand, missing])
        })

        return Runner.of({
          // A note beside it is all that a task in TypeScript leaves.
          needsFolder: (claim) => Effect.map(kindFor(claim), (kind) => kind !== "task"),
          start: Effect.fnUntraced(function* (job) {
            const kind = yield* kindFor(job.claim)
            if (kind === "command") return yield* command.start(job)
            if (kind === "task") return yield* task.start(job)
            if (kind === "airflow") return yield* startInPython(job)
            const queue = queueOf(job.claim.job)
            return yield* yield* unknown(job.claim, [
              `[sdk] queue_to_coordinator says that tasks of the queue ${queue} are TypeScript`
            ])
          }),
          adopt: Effect.fnUntraced(function* (left) {
            const began =
              kindOf(left.handle) ?? (yield* jobFolder.kind(left.folder)) ?? (yield* kindFor(left.claim))
            if (began === "command") return yield* command.adopt(left)
            return yield* (began === "task" ? task : airflow).adopt(left)
          })
        })
      })
    )
}
