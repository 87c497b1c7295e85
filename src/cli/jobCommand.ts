/** jobCommand: what submit, cancel and logs have in common: a job's key, its words, and how its end is told. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CentralJob } from "../protocol/CentralApi.ts"
import { display, type JobKey } from "../protocol/Job.ts"
import { failed } from "./CommandFailed.ts"
import { askingWords, exitCodeText } from "./exitCodeText.ts"
import { escaped } from "./management/output.ts"
import { print } from "./print.ts"

const argument = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description))

/** The first two words of each of these commands. */
export const taskArguments = {
  dag: argument("DAG_ID", "The job's DAG"),
  task: argument("TASK_ID", "The job's task")
}

/** A job that is there. */
export const keyArguments = {
  ...taskArguments,
  run: argument("RUN_ID", "The job's run"),
  attempt: Flag.Int("try").pipe(
    Flag.withDescription("Which try, default the last one"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
    Flag.optional
  ),
  mapIndex: Flag.Int("map-index").pipe(
    Flag.withDescription("Which one of several, default -1: it is not one of several"),
    Flag.withDefault(-1)
  )
}

/** The key that `keyArguments` give; the first try where they name none. */
export const keyGiven = (given: {
  readonly dag: string
  readonly task: string
  readonly run: string
  readonly attempt: Option.Option<number>
  readonly mapIndex: number
}): JobKey => ({
  dag_id: given.dag,
  task_id: given.task,
  run_id: given.run,
  try_number: Option.getOrElse(given.attempt, () => 1),
  map_index: given.mapIndex
})

/** `--json`: one line for a program. */
export const jsonFlag = Flag.Boolean("json").pipe(
  Flag.withDescription("Print the job as one line of JSON"),
  Flag.withDefault(false)
)

/** The job's key and state for a person, or all of it for a program. */
export const printJob = (job: CentralJob, json: boolean) => {
  const because = job.reason === null ? "" : ` (${job.reason})`
  return print(json ? `${JSON.stringify(job)}\n` : `${escaped(`${display(job)} ${job.state}${because}`)}\n`)
}

/** An end that is none of success ends the command with 1; `next`: what to look at. */
export const wellEnded = ({ reason, state }: CentralJob, next = "") =>
  state === "success"
    ? Effect.void
    : Effect.fail(
        failed(
          "unexpected",
          `the job has ended: ${state}${reason === null ? "" : `, ${escaped(reason)}`}${next}`
        )
      )

/** The command that shows a job's log, as words of a shell. */
export const logsCommand = ({ dag_id, map_index, run_id, task_id }: JobKey): string => {
  const words = [dag_id, task_id, run_id].map((word) =>
    /^[\w.:+@%~-]+$/.test(word) ? word : `'${escaped(word).replaceAll("'", "'\\''")}'`
  )
  return `edge-worker logs ${words.join(" ")}${map_index >= 0 ? ` --map-index ${map_index}` : ""}`
}

/** The description of one of these commands. */
export const described = (...lines: ReadonlyArray<string>): string =>
  [
    ...lines,
    "",
    "For an edge-worker central; its address and the credential are those of the management commands",
    "([edge_worker] management_url, management_token; see docs/guides/management.md).",
    "",
    "Exit codes:",
    ...exitCodeText(["ok", "unexpected", "usage", "refused", "unreachable", "rejected", "config"], {
      ...askingWords,
      unexpected: "something unexpected; the job that was waited for has not succeeded",
      refused: "the site's rules do not allow it, or there is no such job"
    })
  ].join("\n  ")

/** That another try follows a job that has failed. */
export const tellNext = (job: CentralJob, next: number) =>
  tell(`try ${job.try_number} has failed, try ${next} of ${job.retries + 1} follows`)

/** Tells a person what happens; results go to stdout. */
export const tell = (line: string) => Effect.sync(() => void process.stderr.write(`${line}\n`))
