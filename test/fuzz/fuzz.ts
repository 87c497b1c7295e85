/** fuzz: how much is generated, from which seed, and how an effect is tried on each input. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"

const { EDGE_WORKER_FUZZ_RUNS, EDGE_WORKER_FUZZ_SEED } = process.env

/** A few seconds in all; EDGE_WORKER_FUZZ_RUNS times as many, from another seed each time unless one is given. */
const times = Number(EDGE_WORKER_FUZZ_RUNS ?? 1)

/** Time for one test, in milliseconds. */
export const timeLimit = 60_000 * Math.max(1, times)

/** What `fc.assert` is told: a failure prints its seed, its path and the smallest input that fails. */
export const parameters = (runs: number) => ({
  numRuns: Math.ceil(runs * times),
  // Making a failing input smaller may take long: it is told as small as it is by then.
  interruptAfterTimeLimit: timeLimit - 15_000,
  markInterruptAsFailure: true,
  endOnFailure: process.env["EDGE_WORKER_FUZZ_SHRINK"] === "no",
  ...(EDGE_WORKER_FUZZ_SEED !== undefined
    ? { seed: Number(EDGE_WORKER_FUZZ_SEED) }
    : times === 1
      ? { seed: 4 }
      : {})
})

/** Tries `property` on generated inputs, in a scope of its own each. */
export const tried = <T, E>(
  runs: number,
  inputs: fc.Arbitrary<T>,
  property: (input: T) => Effect.Effect<void, E, Scope.Scope>
) =>
  Effect.flatMap(Effect.context<never>(), (context) =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(inputs, (input) =>
          Effect.runPromiseWith(context)(Effect.scoped(Effect.orDie(property(input))))
        ),
        parameters(runs)
      )
    )
  )

/** `text` does not hold any of `secrets`, however it is quoted. */
export const holdsNone = (text: string, secrets: ReadonlyArray<string>): void => {
  for (const secret of secrets) {
    if (text.includes(secret)) throw new Error(`a secret is told: ${JSON.stringify(text.slice(0, 2000))}`)
  }
}
