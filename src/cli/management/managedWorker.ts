/** managedWorker: the worker that a management command is about: `-H`, what the site has of it, and words for a person. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { managementFailed } from "../../management/ManagementError.ts"
import { nameProblem } from "../../protocol/WorkerName.ts"
import { UsageError } from "../CommandFailed.ts"
import type { ExitName } from "../ExitCode.ts"
import { askingWords, exitCodeText } from "../exitCodeText.ts"
import { literalPart } from "./glob.ts"
import { escaped } from "./output.ts"

/** `-H`; of several the last counts, as in Airflow. */
export const workerFlag = Flag.String("edge-hostname").pipe(
  Flag.withAlias("H"),
  Flag.withMetavar("NAME"),
  Flag.withDescription("Name of the worker on the site; required"),
  Flag.atLeast(1),
  Flag.map((names) => names.at(-1) ?? "")
)

/** A mistake in a flag's value. */
export const usage = (command: string, ...problems: ReadonlyArray<string>) =>
  new UsageError({ command: `edge-worker ${command}`, problems: [...problems] })

/** A name that can stand in the API's paths. */
export const checkedName = (command: string, name: string) => {
  const problem = nameProblem(name)
  return problem === undefined ? Effect.succeed(name) : Effect.fail(usage(command, problem))
}

/** The worker as the site has it. */
export const workerOf = Effect.fnUntraced(function* (name: string) {
  const client = yield* ManagementClient
  const part = literalPart(name)
  const found = yield* client.workers(part === undefined ? {} : { worker_name_pattern: part })
  const worker = found.find(({ worker_name }) => worker_name === name)
  if (worker === undefined) return yield* unknown(name)
  return worker
})

/** Airflow's words, and where to look. */
const unknown = (name: string) =>
  managementFailed("unknownWorker", `Edge Worker ${escaped(name)} is unknown! See edge-worker list-workers`)

/** What to do about a refusal, after the site's own words; a worker that is unknown has one answer everywhere. */
export const withAdvice =
  (name: string, advice: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (error) => {
      if (!(typeof error === "object" && error !== null && "why" in error && "reason" in error)) return error
      if (error.why === "unknownWorker") return unknown(name)
      return error.why === "refused"
        ? managementFailed("refused", `${String(error.reason)} ${advice}`.trimEnd())
        : error
    })

/** The entries of a list with commas, given once or several times. */
export const entries = (texts: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(texts.flatMap((text) => text.split(",")).map((entry) => entry.trim()))
]

/** Tells a person what was done; results go to stdout. */
export const tell = (line: string) => Effect.sync(() => process.stderr.write(`${line}\n`))

/** A command's description, with the exit codes that all management commands share, and `more`. */
export const describedWith = (more: ReadonlyArray<ExitName>, ...lines: ReadonlyArray<string>): string =>
  [
    ...lines,
    "",
    "Needs a user of the site who may see its jobs; see docs/guides/management.md for credentials.",
    "",
    "Exit codes:",
    ...exitCodeText(
      ["ok", "unexpected", ...more, "usage", "refused", "unknownWorker", "unreachable", "rejected", "config"],
      askingWords
    )
  ].join("\n  ")

/** The same with none more. */
export const described = (...lines: ReadonlyArray<string>): string => describedWith([], ...lines)
