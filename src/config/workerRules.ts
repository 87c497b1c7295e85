/** workerRules: who may be which worker at a central that takes tokens of an identity provider. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SettingType } from "./settingTypes.ts"

const Names = Schema.Array(Schema.NonEmptyString)

/**
 * What one identity may do. `names` are globs (`*`, `?`) over worker names. Without `teams` or `queues` any will do; with
 * `queues` a worker must name its own, since none means every queue.
 */
export const WorkerRule = Schema.Struct({
  claim: Schema.NonEmptyString,
  /** A glob over the claim, or over one of its values where it is a list. */
  value: Schema.NonEmptyString,
  names: Schema.NonEmptyString,
  teams: Schema.optionalKey(Names),
  queues: Schema.optionalKey(Names)
})
export type WorkerRule = typeof WorkerRule.Type

// A misspelt "queues" would otherwise allow every queue.
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(WorkerRule)), {
  onExcessProperty: "error"
})

/** The setting's type: a JSON list of rules. */
export const workerRules: SettingType<ReadonlyArray<WorkerRule>> = {
  words:
    'a JSON list of rules, as in [{"claim": "sub", "value": "site-a", "names": "site-a-*", "teams": ["a"], "queues": ["gpu"]}]',
  decode: (text) => (text === undefined || text.trim() === "" ? Option.some([]) : decode(text))
}
