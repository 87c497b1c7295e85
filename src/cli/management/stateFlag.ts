/** stateFlag: `-s` and `-q` of the lists: several values, repeated or with commas. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { didYouMean } from "../../config/didYouMean.ts"
import { entries, usage } from "./managedWorker.ts"

/** `-s`, as often as wanted. */
export const stateFlag = (description: string) =>
  Flag.String("state").pipe(
    Flag.withAlias("s"),
    Flag.withMetavar("STATE"),
    Flag.withDescription(description),
    Flag.atLeast(0)
  )

/** `-q`: exact names. */
export const queuesFilter = (description: string) =>
  Flag.String("queues").pipe(
    Flag.withAlias("q"),
    Flag.withMetavar("A,B"),
    Flag.withDescription(description),
    Flag.atLeast(0),
    Flag.map(entries)
  )

/** The given states, of those that exist. */
export const states = <State extends string>(
  command: string,
  all: ReadonlyArray<State>,
  given: ReadonlyArray<string>
) => {
  const wanted = entries(given)
  const known = all.filter((state) => wanted.includes(state))
  const wrong = wanted.filter((word) => !known.some((state) => state === word))
  if (wrong.length === 0) return Effect.succeed(known)
  const near = (word: string) => {
    const meant = didYouMean(word, all)
    return meant === undefined ? `there are ${all.join(", ")}` : `did you mean "${meant}"?`
  }
  return Effect.fail(usage(command, ...wrong.map((word) => `there is no state "${word}"; ${near(word)}`)))
}

/**
 * Airflow's `-s` takes all words up to the next flag (argparse's `nargs="+"`): the words of a list command with `-s`
 * before each of them.
 */
export const spreadStates = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [command = ""] = words
  if (command !== "list-workers" && command !== "list-jobs") return words
  let after = 0
  return words.flatMap((word) => {
    if (word === "-s" || word === "--state") after = 1
    else if (word.startsWith("-")) after = 0
    else if (after++ > 1) return ["-s", word]
    return [word]
  })
}
