/** Lookup: what was found for a key, and where; every message about a setting names the place. */
import * as Schema from "effect/Schema"

/** Where a value stands. */
export type Place =
  | { readonly _tag: "Variable"; readonly name: string }
  | {
      readonly _tag: "File"
      readonly path: string
      readonly section: string
      readonly key: string
      readonly line: number
    }

/** Where a value came from: the place itself, or what the place pointed to. */
export type Where =
  | Place
  | { readonly _tag: "Command"; readonly of: Place }
  | { readonly _tag: "Secret"; readonly of: Place }
  | { readonly _tag: "Default" }

/** The name of a place, for a person. */
export const describe = (where: Where): string => {
  switch (where._tag) {
    case "Variable":
      return where.name
    case "File":
      return `${where.path}, line ${where.line} ([${where.section}] ${where.key})`
    case "Command":
      return `the output of the command in ${describe(where.of)}`
    case "Secret":
      return `the secrets backend, asked by ${describe(where.of)}`
    case "Default":
      return "the default"
  }
}

/** The answer to one lookup. */
export interface Lookup {
  /** `undefined`: nowhere, and there is no default. */
  readonly found: { readonly value: string; readonly where: Where } | undefined
  /** What the operator should know: an old name, a `_CMD` that is not looked at, a secret that does not exist. */
  readonly notes: ReadonlyArray<string>
}

/** The value stands there but cannot be read. No secret is in it. */
export class LookupFailed extends Schema.TaggedError<LookupFailed>()("LookupFailed", {
  /** `[section] key` */
  key: Schema.String,
  where: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.key} (${this.where}): ${this.problem}`
  }
}
