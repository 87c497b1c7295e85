/** CommandFailed: how a command says that it ends otherwise than well. */
import * as Schema from "effect/Schema"
import type { ExitName } from "./ExitCode.ts"

/** What was typed cannot be done: all mistakes at once. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  /** `edge-worker worker` */
  command: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message() {
    const list =
      this.problems.length === 1
        ? ` ${this.problems[0]}`
        : this.problems.map((problem) => `\n  - ${problem}`).join("")
    return `${this.command}:${list}\nSee ${this.command} --help`
  }
}

/** Ends a command with a code of the table; `reason` is for a person, and empty where all has been said. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  exit: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** A failure with an ending of the table. */
export const failed = (exit: ExitName, reason: string) => new CommandFailed({ exit, reason })
