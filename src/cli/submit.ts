/** submit: `edge-worker submit`: gives a job to an embedded central. */
import { readFileSync } from "node:fs"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { CentralClient } from "../management/CentralClient.ts"
import { ManagementClient } from "../management/ManagementClient.ts"
import { type CentralJob, Submission } from "../protocol/CentralApi.ts"
import { UsageError } from "./CommandFailed.ts"
import {
  described,
  jsonFlag,
  logsCommand,
  printJob,
  taskArguments,
  tell,
  tellNext,
  wellEnded
} from "./jobCommand.ts"
import { onSite, siteFlags } from "./management/siteFlags.ts"
import { whyQueued } from "./whyQueued.ts"

const flags = {
  ...taskArguments,
  queue: Flag.String("queue").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("Only workers of this queue get it; default: default"),
    Flag.optional
  ),
  slots: Flag.Int("slots").pipe(Flag.withDescription("Slots that it needs, default 1"), Flag.optional),
  priority: Flag.Int("priority").pipe(
    Flag.withDescription("The higher, the sooner; default 1"),
    Flag.optional
  ),
  retries: Flag.Int("retries").pipe(
    Flag.withDescription("How often it is tried again after a failure, default 0"),
    Flag.optional
  ),
  retryDelay: Flag.Int("retry-delay").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("How long after a failure; default [core] default_task_retry_delay of the central"),
    Flag.optional
  ),
  conf: Flag.String("conf").pipe(
    Flag.withMetavar("JSON|@FILE"),
    Flag.withDescription("What the job is given; @FILE reads it from a file, @- from stdin"),
    Flag.optional
  ),
  run: Flag.String("run-id").pipe(
    Flag.withDescription("The name of its run; default manual__ and the time"),
    Flag.optional
  ),
  wait: Flag.Boolean("wait").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Wait for the end of its last try: exit code 0 for success, 1 for anything else"),
    Flag.withDefault(false)
  ),
  json: jsonFlag,
  ...siteFlags
}

const usage = (...problems: ReadonlyArray<string>) =>
  new UsageError({ command: "edge-worker submit", problems })

/** The JSON that `--conf` names. */
const confOf = (text: string) =>
  Effect.gen(function* () {
    const file = text.slice(1)
    const json = !text.startsWith("@")
      ? text
      : yield* Effect.try({
          try: () => readFileSync(file === "-" ? 0 : file, "utf8"),
          catch: () => usage(`--conf ${text}: the file cannot be read`)
        })
    return yield* Effect.try({
      try: () => JSON.parse(json) as Schema.Json,
      catch: () => usage("--conf is no JSON")
    })
  })

const isEnded = ({ state }: CentralJob) => ["success", "failed", "removed", "skipped"].includes(state)

/** So many seconds is a job that is queued just about to be taken. */
const patience = 5
/** The site finds out late that a worker is gone. */
const askAgain = 30

/** Tells a person what their job waits for; where that cannot be found out, it waits all the same. */
const tellWhy = (job: CentralJob) =>
  Effect.gen(function* () {
    const why = whyQueued(job, yield* (yield* ManagementClient).workers({}))
    if (why !== undefined) yield* tell(why)
    return why !== undefined
  }).pipe(Effect.orElseSucceed(() => false))

/** Looks once a second; a try that follows is waited for as well. */
const end = Effect.fnUntraced(function* (submitted: CentralJob) {
  const client = yield* CentralClient
  let job = submitted
  let queuedFor = 0
  let told = false
  while (true) {
    queuedFor = job.state === "queued" ? queuedFor + 1 : 0
    if (!told && queuedFor % askAgain === patience) told = yield* tellWhy(job)
    if (job.next_try !== null) {
      yield* tellNext(job, job.next_try)
      job = yield* client.job({ ...job, try_number: job.next_try })
    } else if (isEnded(job)) return job
    else {
      yield* Effect.sleep("1 second")
      job = yield* client.job(job)
    }
  }
})

const decode = Schema.decodeUnknownEffect(Submission)

const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1()
const typed: Readonly<Record<string, string>> = { dag_id: "DAG_ID", task_id: "TASK_ID" }

/** What is wrong with a job, in the words of the command line. */
const misfit = ({ issue }: Schema.SchemaError) =>
  usage(
    ...problemsOf(issue).issues.map(({ message, path: [field = ""] = [] }) => {
      const name = String(field)
      return `${typed[name] ?? `--${name.replaceAll("_", "-")}`}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
    })
  )

export const submit = Command.make("submit", flags, (given) =>
  Effect.gen(function* () {
    const conf = Option.isSome(given.conf) ? { conf: yield* confOf(given.conf.value) } : {}
    const optional = <K extends string, A>(name: K, value: Option.Option<A>) =>
      Option.isSome(value) ? { [name]: value.value } : {}
    const submission = yield* decode(
      {
        dag_id: given.dag,
        task_id: given.task,
        ...optional("queue", given.queue),
        ...optional("slots", given.slots),
        ...optional("priority", given.priority),
        ...optional("run_id", given.run),
        ...optional("retries", given.retries),
        ...optional("retry_delay", given.retryDelay),
        ...conf
      },
      { errors: "all" }
    ).pipe(Effect.mapError(misfit))
    yield* Effect.gen(function* () {
      const client = yield* CentralClient
      const job = yield* client.submit(submission)
      if (!given.wait) return yield* printJob(job, given.json)
      if (!given.json) yield* printJob(job, false)
      const ended = yield* end(job)
      yield* printJob(ended, given.json)
      yield* wellEnded(ended, `. Its log: ${logsCommand(ended)}`)
    }).pipe(onSite("submit", given))
  })
).pipe(
  Command.withShortDescription("Give a job to an edge-worker central"),
  Command.withDescription(
    described(
      "Puts a job into a queue of the central. What runs it is for the worker to know: a command that its",
      "configuration names for this DAG and task, or a task of its own program. Prints the job's key and state.",
      "Jobs of one --run-id find each other's XComs, as long as the central keeps one of them: after a success five minutes."
    )
  ),
  Command.withExamples([
    { command: "edge-worker submit demo hello", description: "Run the task hello of the DAG demo" },
    {
      command: `edge-worker submit etl load -q gpu --slots 2 --conf '{"day": "2026-01-31"}' --wait`,
      description: "With its input, on a worker of the queue gpu, and wait for its end"
    },
    {
      command: "edge-worker submit etl load --retries 3 --retry-delay 60",
      description: "Try it up to four times, a minute apart"
    },
    { command: "edge-worker submit etl load --conf @input.json --json", description: "For a program" }
  ])
)
