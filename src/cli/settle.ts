/** settle: `edge-worker settle`: tells the site all that a worker which is gone had promised, and runs nothing new. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { StateFolder } from "../platform/StateFolder.ts"
import { display } from "../protocol/Job.ts"
import { nameProblem } from "../protocol/WorkerName.ts"
import type { LogWaiting } from "../worker/JobRun.ts"
import { type Settled, Settlement } from "../worker/Settlement.ts"
import { failed, UsageError } from "./CommandFailed.ts"
import { exitCodeText } from "./exitCodeText.ts"
import { canonicalHostName } from "./hostName.ts"
import * as Progress from "./Progress.ts"
import { print } from "./print.ts"
import type { WorkerOptions } from "./workerOptions.ts"
import type { WorkerParts } from "./workerParts.ts"

const flags = {
  edgeHostname: Flag.String("edge-hostname").pipe(
    Flag.withAlias("H"),
    Flag.withMetavar("NAME"),
    Flag.withDescription("Name of the worker; default: this machine's full host name"),
    Flag.optional
  ),
  python: Flag.String("python").pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription("Python of the local Airflow; default [edge_worker] python, $VIRTUAL_ENV, PATH"),
    Flag.optional
  ),
  kill: Flag.Boolean("kill").pipe(
    Flag.withDescription("End tasks that still run, and report them failed; default: wait for them"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print what was done as JSON"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  )
}

const optionsOf = (name: string, python: string | undefined): WorkerOptions => ({
  name,
  queues: null,
  team: null,
  concurrency: undefined,
  pidFile: undefined,
  verbose: false,
  daemon: false,
  stdout: undefined,
  stderr: undefined,
  logFile: undefined,
  umask: undefined,
  python,
  taskProgram: undefined
})

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`

const logInWords = ({ bytes, file, job, refused }: LogWaiting): string =>
  `  ${count(bytes, "byte")} of the log of ${display(job)} in ${file}${
    refused
      ? ": the site answers 500 to it, as for a task instance that was deleted. A worker that is started gives it up after " +
        "ten minutes of that; the file stays, copy it if you need it"
      : ""
  }`

const inWords = (settled: Settled): string => {
  const { logBytesLeft, logs, logsLeft, nameFreed, open, reports, reportsLeft } = settled
  if (open + logs + reports === 0 && nameFreed === undefined) return "There was nothing to settle."
  const found = `Found ${count(open, "open job")}, ${count(logs, "log")} and ${count(reports, "report")} to be told.`
  // What the site refuses is not told by asking again.
  const again = reportsLeft > 0 || logsLeft.some(({ refused }) => !refused)
  const left =
    reportsLeft + logBytesLeft === 0
      ? "All is told."
      : `NOT told: ${count(reportsLeft, "report")} and ${count(logBytesLeft, "byte")} of logs.${again ? " Run it again when the site can be reached." : ""}`
  const name =
    nameFreed === undefined
      ? ""
      : nameFreed
        ? " The site knows the worker as offline."
        : " Its name is not free."
  return [`${found} ${left}${name}`, ...logsLeft.map(logInWords)].join("\n")
}

const waiting = (settlement: Settlement["Service"]) => {
  const progress = Progress.make()
  return Effect.gen(function* () {
    const jobs = yield* settlement.running
    progress.show(jobs > 0 ? `Waiting for ${count(jobs, "job")} that still run …` : "Telling the site …")
  }).pipe(
    Effect.andThen(Effect.sleep("500 millis")),
    Effect.forever,
    Effect.ensuring(Effect.sync(() => progress.end()))
  )
}

/** The command, made of the given parts. */
export const settle = (parts: WorkerParts) =>
  Command.make("settle", flags, (given) =>
    Effect.gen(function* () {
      const name = Option.getOrUndefined(given.edgeHostname) ?? (yield* canonicalHostName)
      const problem = nameProblem(name)
      if (problem !== undefined) {
        return yield* new UsageError({ command: "edge-worker settle", problems: [problem] })
      }
      const options = optionsOf(name, Option.getOrUndefined(given.python))
      const identity = { name, queues: null, team: null, concurrency: 1 }
      const settled = yield* Effect.gen(function* () {
        const settlement = yield* Settlement
        return yield* Effect.raceFirst(settlement.run(given), waiting(settlement))
      }).pipe(
        Effect.provide(parts.settlement(options)),
        Effect.provide(StateFolder.layer),
        Effect.provide(Layer.succeed(WorkerIdentity, identity)),
        Effect.provide(parts.config(options))
      )
      yield* print(`${given.json ? JSON.stringify(settled) : inWords(settled)}\n`)
      const untold = settled.reportsLeft + settled.logBytesLeft > 0 || settled.nameFreed === false
      if (untold) return yield* failed("left", "")
    })
  ).pipe(
    Command.withShortDescription("Tell the site what a dead worker had promised, without starting one"),
    Command.withDescription(
      [
        "Reads the journal of a worker that is gone, waits for its tasks that still run (or ends them), reports how",
        "each job ended and sends the rest of its log. Takes no new jobs. Use it before a machine is taken away, or",
        "before an older edge-worker is installed again. A worker that is started does the same by itself.",
        "",
        "Exit codes:",
        ...exitCodeText(["ok", "unexpected", "usage", "held", "left", "config"], {
          ok: "done: all is delivered",
          unexpected: "something unexpected",
          held: "a worker runs on this state folder",
          left: "reports or bytes of task logs are undelivered"
        })
      ].join("\n  ")
    ),
    Command.withExamples([
      { command: "edge-worker settle", description: "Wait for what still runs, then tell all" },
      {
        command: "edge-worker settle -H gpu-2 --kill",
        description: "End what still runs, and report it failed"
      }
    ])
  )
