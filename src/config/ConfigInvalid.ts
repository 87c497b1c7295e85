/** ConfigInvalid: everything that is wrong with the configuration, in one error. */
import * as Schema from "effect/Schema"

/** One mistake. No text in it ever holds a secret. */
export const Mistake = Schema.Struct({
  /** `[edge] heartbeat_interval`, or the file where its syntax is wrong. */
  key: Schema.String,
  /** Where it was found: the variable, or file and line; empty where it was found nowhere. */
  where: Schema.String,
  /** What was read: quoted, or `(secret, 12 characters)`, or "nothing". */
  read: Schema.String,
  /** What is wrong or what is allowed, and what to do. */
  allowed: Schema.String
})
export type Mistake = typeof Mistake.Type

/** The worker cannot start with this configuration. Lists all mistakes at once; nothing has been started yet. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  mistakes: Schema.Array(Mistake)
}) {
  override get message() {
    const lines = this.mistakes.map(
      ({ allowed, key, read, where }) =>
        `  - ${key}: read ${read}${where === "" ? "" : ` from ${where}`}; ${allowed}`
    )
    const count = lines.length === 1 ? "one mistake" : `${lines.length} mistakes`
    return [`The configuration has ${count}:`, ...lines].join("\n")
  }
}
