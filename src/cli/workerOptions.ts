/** workerOptions: the flags of `edge-worker worker`, checked all at once before anything starts. */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { getOctal } from "../config/PythonText.ts"
import { splitCommand } from "../platform/splitCommand.ts"
import { nameProblem } from "../protocol/WorkerName.ts"
import { UsageError } from "./CommandFailed.ts"

/** The flags as they were typed. */
export interface WorkerFlags {
  readonly concurrency: Option.Option<string>
  readonly queues: Option.Option<string>
  readonly teamName: Option.Option<string>
  readonly edgeHostname: Option.Option<string>
  readonly pid: Option.Option<string>
  readonly verbose: boolean
  readonly daemon: boolean
  readonly stdout: Option.Option<string>
  readonly stderr: Option.Option<string>
  readonly logFile: Option.Option<string>
  readonly umask: Option.Option<string>
  readonly python: Option.Option<string>
  readonly taskProgram: Option.Option<string>
}

/** The flags as the worker takes them: checked, paths absolute; `undefined` where the configuration decides. */
export interface WorkerOptions {
  readonly name: string | undefined
  /** `null`: every queue. */
  readonly queues: ReadonlyArray<string> | null
  readonly team: string | null
  readonly concurrency: number | undefined
  readonly pidFile: string | undefined
  readonly verbose: boolean
  readonly daemon: boolean
  readonly stdout: string | undefined
  readonly stderr: string | undefined
  readonly logFile: string | undefined
  readonly umask: number | undefined
  readonly python: string | undefined
  /** A program and its arguments. */
  readonly taskProgram: ReadonlyArray<string> | undefined
}

/** edge3 5.1.0's columns (`models/edge_worker.py`, `models/edge_job.py`). */
const TEAM_LIMIT = 64
const QUEUE_LIMIT = 256
const QUEUES_LIMIT = 256

const characters = (text: string): number => Array.from(text).length

/** The queues of `--queues`, as they were typed. */
export const queuesOf = (flag: Option.Option<string>): ReadonlyArray<string> =>
  Option.match(flag, { onNone: () => [], onSome: (text) => text.split(",").map((queue) => queue.trim()) })

/** What is wrong with them. */
export const queueProblems = (queues: ReadonlyArray<string>): ReadonlyArray<string> => {
  // the site stores the list as Python prints it: ['a', 'b']
  const stored = queues.reduce((sum, queue) => sum + characters(queue) + 4, 0)
  return [
    queues.some((queue) => queue === "")
      ? "an entry of --queues is empty; leave the flag out to serve every queue"
      : "",
    ...queues
      .filter((queue) => characters(queue) > QUEUE_LIMIT)
      .map((queue) => `the queue "${queue.slice(0, 30)}…" has more than ${QUEUE_LIMIT} characters`),
    stored > QUEUES_LIMIT
      ? `the queues are too many or too long: the site stores them in ${QUEUES_LIMIT} characters, these take ${stored}`
      : ""
  ].filter((problem) => problem !== "")
}

const wholeNumber = (text: string): number | undefined =>
  /^\+?\d+$/.test(text.trim()) ? Number(text) : undefined

const octal = (text: string): number | undefined =>
  Option.getOrUndefined(Option.filter(getOctal(text), (mask) => mask <= 0o777))

const path = (flag: Option.Option<string>): string | undefined =>
  Option.getOrUndefined(Option.map(flag, (value) => resolve(value)))

/** The words of `--task-program`; a path is one from here, wherever the worker goes. */
export const programWords = (text: string): ReadonlyArray<string> | string => {
  const words = splitCommand(text)
  if (typeof words === "string") return words
  const [program = "", ...rest] = words
  return [program.includes("/") ? resolve(program) : program, ...rest]
}

/** What is wrong with a `--task-program`. */
export const taskProgramProblems = (flag: Option.Option<string>): ReadonlyArray<string> => {
  const words = Option.getOrUndefined(Option.map(flag, programWords))
  return typeof words === "string" ? [`--task-program: ${words}`] : []
}

/** Of a flag without problems. */
export const taskProgramOf = (flag: Option.Option<string>): ReadonlyArray<string> | undefined => {
  const words = Option.getOrUndefined(Option.map(flag, programWords))
  return typeof words === "string" ? undefined : words
}

/** Everything that is wrong with the flags. */
const problemsOf = (flags: WorkerFlags, queues: ReadonlyArray<string>): ReadonlyArray<string> => {
  const given = (
    flag: Option.Option<string>,
    wrong: (value: string) => boolean,
    text: (value: string) => string
  ) => Option.match(flag, { onNone: () => [], onSome: (value) => (wrong(value) ? [text(value)] : []) })
  const blank = (name: string, flag: Option.Option<string>) =>
    given(
      flag,
      (value) => value.trim() === "",
      () => `${name} is empty`
    )
  return [
    ...given(
      flags.edgeHostname,
      (value) => nameProblem(value) !== undefined,
      (value) => nameProblem(value) ?? ""
    ),
    ...queueProblems(queues),
    ...given(
      flags.concurrency,
      (value) => (wholeNumber(value) ?? 0) < 1,
      (value) => `--concurrency is "${value}"; it must be a whole number of at least 1`
    ),
    ...given(
      flags.teamName,
      (value) => value.trim() === "" || characters(value) > TEAM_LIMIT,
      () => `--team-name must have 1 to ${TEAM_LIMIT} characters`
    ),
    ...given(
      flags.umask,
      (value) => octal(value) === undefined,
      (value) => `--umask is "${value}"; it must be an octal number such as 077`
    ),
    ...blank("--pid", flags.pid),
    ...blank("--stdout", flags.stdout),
    ...blank("--stderr", flags.stderr),
    ...blank("--log-file", flags.logFile),
    ...blank("--python", flags.python),
    ...taskProgramProblems(flags.taskProgram)
  ]
}

/** Checks the flags; every mistake is in the one error. */
export const check = (flags: WorkerFlags): Effect.Effect<WorkerOptions, UsageError> => {
  const queues = queuesOf(flags.queues)
  const problems = problemsOf(flags, queues)
  if (problems.length > 0) return Effect.fail(new UsageError({ command: "edge-worker worker", problems }))
  const unique = [...new Set(queues)]
  return Effect.as(
    unique.length < queues.length
      ? Effect.logWarning("--queues names a queue more than once", { queues: queues.join(",") })
      : Effect.void,
    {
      name: Option.getOrUndefined(flags.edgeHostname),
      queues: Option.isNone(flags.queues) ? null : unique,
      team: Option.getOrNull(flags.teamName),
      concurrency: Option.getOrUndefined(Option.map(flags.concurrency, Number)),
      pidFile: path(flags.pid),
      verbose: flags.verbose,
      daemon: flags.daemon,
      stdout: path(flags.stdout),
      stderr: path(flags.stderr),
      logFile: path(flags.logFile),
      umask: Option.match(flags.umask, { onNone: () => undefined, onSome: octal }),
      taskProgram: taskProgramOf(flags.taskProgram),
      // a bare name is looked up on the PATH
      python: Option.getOrUndefined(
        Option.map(flags.python, (value) => (value.includes("/") ? resolve(value) : value))
      )
    }
  )
}
