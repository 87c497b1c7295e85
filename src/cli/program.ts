/** program: the whole command line as one effect that gives the exit code. */
import { stripVTControlCharacters } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import { CommandFailed } from "./CommandFailed.ts"
import { central } from "./central.ts"
import { centralUser } from "./centralUser.ts"
import { tellFailure } from "./daemonChild.ts"
import { exitCode, exitOfError } from "./ExitCode.ts"
import { globalFlags } from "./globalFlags.ts"
import { jobCommands } from "./jobCommands.ts"
import { toStream } from "./LogSink.ts"
import { maintenance } from "./maintenance.ts"
import { managementCommands } from "./management/managementCommands.ts"
import { spreadStates } from "./management/stateFlag.ts"
import { print } from "./print.ts"
import { settle } from "./settle.ts"
import { separate } from "./shortFlags.ts"
import { standalone } from "./standalone.ts"
import { status } from "./status.ts"
import { stop } from "./stop.ts"
import { version } from "./version.ts"
import * as WorkerLog from "./WorkerLog.ts"
import { worker } from "./worker.ts"
import type { WorkerParts } from "./workerParts.ts"

const root = (parts: WorkerParts) =>
  Command.make("edge-worker").pipe(
    Command.withSubcommands([
      worker(parts),
      status,
      stop,
      maintenance,
      settle(parts),
      central,
      centralUser,
      standalone(parts),
      ...jobCommands,
      ...managementCommands
    ]),
    Command.withDescription(
      [
        "A remote worker for Apache Airflow: takes jobs from a site over HTTPS and runs them on this machine.",
        "",
        "Exit codes: 0 when all is well, 64 for a mistake on the command line, 78 for one in the configuration;",
        "the others stand in each command's help."
      ].join("\n  ")
    ),
    Command.withExamples([
      { command: "edge-worker worker -q gpu", description: "Run jobs of the queue gpu" },
      { command: "edge-worker status", description: "What is the worker doing?" },
      { command: "edge-worker stop -w", description: "Let its jobs finish and end it" }
    ])
  )

const say = (line: string) => Effect.sync(() => process.stderr.write(`${line}\n`))

/** The library's words for a number and for a schema, where a person has typed the value; all our numbers are whole. */
const forPerson = (text: string): string =>
  text
    .replace(/Expected (a string representing a finite number|an integer)$/, "Expected a whole number")
    .replace("Expected: Schema validation failed: Expected", "Expected")

const inWords = (error: CliError.NonShowHelpErrors): string => {
  const nearest = (suggestions: ReadonlyArray<string>) =>
    suggestions.length === 0 ? "" : `; did you mean ${suggestions.join(" or ")}?`
  switch (error._tag) {
    case "UnrecognizedOption":
      return `unknown flag ${error.option}${nearest(error.suggestions)}`
    case "UnknownSubcommand":
      return `unknown command "${error.subcommand}"${nearest(error.suggestions)}`
    default:
      return forPerson(`${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`)
  }
}

/** The widest name that stands beside its description; a longer one stands above it. */
const widest = 28

/** The list of commands in two columns, which the library does not keep apart where a name is long. */
const inColumns = (list: string): string =>
  list.replace(/^ {2}(\S+) +(.*)$/gm, (_, name: string, text: string) =>
    stripVTControlCharacters(name).length > widest
      ? `  ${name}\n${" ".repeat(widest + 4)}${text}`
      : `  ${name.padEnd(widest + name.length - stripVTControlCharacters(name).length)}  ${text}`
  )

/** Help as the library formats it, with the blank line that it leaves out before the examples of a group. */
const helpText = (doc: HelpDoc): string =>
  CliOutput.defaultFormatter({ colors: WorkerLog.mayColour(process.stdout), globalFlags: "summary" })
    .formatHelpDoc(doc)
    .replace(/([^\n])\n([^\n]*EXAMPLES)/, "$1\n\n$2")
    .replace(
      /(SUBCOMMANDS[^\n]*\n)((?: {2}[^\n]*\n)+)/,
      (_, head: string, list: string) => head + inColumns(list)
    )

/** A mistake is one short text, last on the screen; the help comes only when it is asked for. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag === "Version") return Effect.void
    if (event._tag === "Help") return print(`${helpText(event.helpDoc)}\n`)
    const command = event.commandPath.join(" ")
    const lines = [...new Set(event.errors.map(inWords))].map((line) => `${command}: ${line}`)
    return say([...lines, `See ${command} --help`].join("\n"))
  }
}

/** Says why, unless it has been said, and gives the code. */
const explain = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
  if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
  const error = Cause.squash(cause)
  if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp") {
    const mistakes = "errors" in error && Array.isArray(error.errors) ? error.errors.length : 0
    return exitCode(mistakes > 0 ? "usage" : "ok")
  }
  const exit = exitOfError(error)
  const known = exit !== "unexpected" || error instanceof CommandFailed
  const message = known && error instanceof Error ? error.message : `unexpected: ${Cause.pretty(cause)}`
  if (message !== "") {
    yield* tellFailure(message)
    yield* say(message.startsWith("edge-worker") ? message : `edge-worker: ${message}`)
  }
  return exitCode(exit)
})

/** Runs the words of a command line. */
export const program = (parts: WorkerParts, args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.runWith(root(parts), { version })(spreadStates(separate(args))).pipe(
    Effect.as(exitCode("ok")),
    Effect.catchCause(explain),
    Effect.provide(CliConfig.layer({ builtIns: globalFlags })),
    Effect.provide(CliOutput.layerPresenter(presenter)),
    Effect.provide(NodeServices.layer),
    // what is logged before the worker sets up its own log
    Effect.provide(
      WorkerLog.layer({
        sink: toStream(process.stderr),
        level: "Warn",
        terminal: process.stderr.isTTY === true,
        colour: WorkerLog.mayColour(process.stderr)
      })
    )
  )
