/** taskLogText: a task's log for a person: its JSON lines as a time, a text, and what stands beside that. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { besides } from "../protocol/TaskLogLine.ts"

const decodeLine = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.StructWithRest(
      Schema.Struct({
        timestamp: Schema.String,
        event: Schema.String,
        level: Schema.optionalKey(Schema.String)
      }),
      [Schema.Record(Schema.String, Schema.Unknown)]
    )
  )
)

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Nothing that a task says may steer a terminal. */
const harmless = (text: string): string =>
  text.replace(control, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`)

const timeOf = (timestamp: string): string => {
  const date = new Date(timestamp)
  return Number.isNaN(date.getTime()) ? "        " : date.toTimeString().slice(0, 8)
}

/** One line of a log, which takes several where an error is in it; what is not JSON as it is. */
export const shownLine = (line: string): string =>
  Option.match(decodeLine(line), {
    onNone: () => harmless(line),
    onSome: (found) => {
      const { event, level, timestamp } = found
      const mark = level === "error" || level === "critical" ? "! " : ""
      return `${timeOf(timestamp)}  ${mark}${harmless(`${event}${besides(found)}`)}`
    }
  })
