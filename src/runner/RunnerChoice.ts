/** RunnerChoice: the one runner of a worker, which chooses among the kinds by what a job carries. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { commandFor } from "../config/commandTable.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import type { Claim } from "../protocol/Job.ts"
import { AirflowRunner } from "./AirflowRunner.ts"
import { CommandRunner } from "./CommandRunner.ts"
import { type JobLeft, Runner, StartFailed } from "./Runner.ts"

const kindOf = (handle: JobLeft["handle"]) =>
  typeof handle === "object" && handle !== null && "kind" in handle ? handle["kind"] : undefined

/** A configured command goes before Python; a job that a dead worker has left stays with the kind that began it. */
export const RunnerChoice = {
  /** `runs`: as for `AirflowRunner.layer`. */
  layer: (options: { readonly runs?: string } = {}) =>
    Layer.effect(
      Runner,
      Effect.gen(function* () {
        const { commands } = yield* EdgeConfig
        const airflow = Context.get(yield* Layer.build(AirflowRunner.layer(options)), Runner)
        const command = Context.get(yield* Layer.build(CommandRunner.layer), Runner)
        /** A callback is Airflow's own code, whatever its job is called. */
        const isCommand = ({ job }: Claim) =>
          job.command.type === "ExecuteTask" && commandFor(commands, job) !== undefined
        const noCommand = ({ job: { dag_id, task_id } }: Claim) =>
          `no command is configured for ${dag_id}.${task_id} in [edge_worker] commands of this worker`
        return Runner.of({
          start: (job) =>
            isCommand(job.claim)
              ? command.start(job)
              : Effect.mapError(airflow.start(job), (error) =>
                  commands.size === 0 || error._tag === "NotStarted"
                    ? error
                    : new StartFailed({ reason: `${noCommand(job.claim)}, and ${error.reason}` })
                ),
          adopt: (left) => {
            const kind = kindOf(left.handle)
            const began = kind === undefined ? isCommand(left.claim) : kind === "command"
            return (began ? command : airflow).adopt(left)
          }
        })
      })
    )
}
