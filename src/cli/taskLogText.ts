/** taskLogText: a task's log for a person: its JSON lines as a time and a text. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const decodeLine = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      timestamp: Schema.String,
      event: Schema.String,
      level: Schema.optionalKey(Schema.String)
    })
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

/** One line of a log; what is not JSON as it is. */
export const shownLine = (line: string): string =>
  Option.match(decodeLine(line), {
    onNone: () => harmless(line),
    onSome: ({ event, level, timestamp }) =>
      `${timeOf(timestamp)}  ${level === "error" || level === "critical" ? "! " : ""}${harmless(event)}`
  })
