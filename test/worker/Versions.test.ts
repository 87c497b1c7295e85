/** Versions: what is installed is told as it is; what is not is learnt from the site, asked no more often than needed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { type InstalledVersions, known, Versions } from "../../src/worker/Versions.ts"

/** A site that names these versions of Airflow, one a question; undefined for none, as after the last. */
const onSite = <A, E>(
  named: ReadonlyArray<string | undefined>,
  installed: InstalledVersions | undefined,
  test: (versions: Versions["Service"], asked: () => number) => Effect.Effect<A, E>
) => {
  let asked = 0
  const siteVersion = Effect.sync(() => Option.fromNullishOr(named[asked++]))
  return Effect.flatMap(Versions, (versions) => test(versions, () => asked)).pipe(
    Effect.provide(
      Versions.layer(installed === undefined ? undefined : Effect.succeed(installed)).pipe(
        Layer.provide(Layer.mock(EdgeClient, { siteVersion }))
      )
    )
  )
}
const refusal = (core: string, after = " Rejecting access due to difference.") =>
  `Edge Worker runs on Edge Provider ${known.edge3} and the core runs on ${core}.${after}`

describe("Versions", () => {
  it.effect("that are installed are told, and nobody is asked", () =>
    onSite(["3.4.0"], { airflow: "3.3.1", edge3: "5.0.0", python: "3.12.4" }, ({ current, learn }, asked) =>
      Effect.gen(function* () {
        const here = { airflow: "3.3.1", edge3: "5.0.0", python: "3.12.4" }
        assert.deepStrictEqual(yield* current, here)
        assert.isFalse(yield* learn(refusal("5.9.9")))
        assert.isFalse(yield* learn("no"))
        assert.deepStrictEqual(yield* current, here)
        assert.strictEqual(asked(), 0)
      })
    )
  )

  it.effect("are asked of the site until it has named its own, then never again", () =>
    onSite([undefined, "3.4.0", "3.5.0"], undefined, ({ current }, asked) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* current, known)
        assert.strictEqual((yield* current).airflow, "3.4.0")
        assert.strictEqual((yield* current).airflow, "3.4.0")
        assert.strictEqual(asked(), 2)
      })
    )
  )

  it.effect("are asked anew after a refusal that names none: the site may be another one now", () =>
    onSite(["3.4.0", "3.5.0", "3.5.0"], undefined, ({ current, learn }) =>
      Effect.gen(function* () {
        yield* current
        assert.isTrue(yield* learn("Edge Worker runs on another Airflow"))
        assert.strictEqual((yield* current).airflow, "3.5.0")
        assert.isFalse(yield* learn("Edge Worker runs on another Airflow"))
      })
    )
  )

  it.effect("are not asked anew after a refusal that names the edge3", () =>
    onSite(["3.4.0", "3.5.0"], undefined, ({ current, learn }, asked) =>
      Effect.gen(function* () {
        assert.isTrue(yield* learn(refusal("5.2.1")))
        assert.deepStrictEqual(yield* current, { airflow: "3.4.0", edge3: "5.2.1", python: undefined })
        assert.isFalse(yield* learn(refusal("5.2.1")), "the same again")
        assert.strictEqual(asked(), 1)
      })
    )
  )

  for (const core of ["5.2.1", "5.10.12", "5.2.1rc1", "5.2.1.dev0"]) {
    it.effect(`of edge3 are read from a refusal: ${core}`, () =>
      onSite(["3.4.0", "3.4.0"], undefined, ({ current, learn }) =>
        Effect.gen(function* () {
          assert.isTrue(yield* learn(refusal(core)))
          assert.strictEqual((yield* current).edge3, core)
          assert.isTrue(yield* learn(refusal(`5.99.0`, "")), "at the end of the text")
          assert.strictEqual((yield* current).edge3, "5.99.0")
        })
      )
    )
  }

  for (const core of ["6.0.0", "50.1.0", "4.9.9", "5.1", "new"]) {
    it.effect(`of another edge3, or of none, are not told: ${core}`, () =>
      onSite(["3.4.0", "3.4.0"], undefined, ({ current, learn }) =>
        Effect.gen(function* () {
          yield* current
          assert.isFalse(yield* learn(refusal(core)))
          assert.strictEqual((yield* current).edge3, known.edge3)
        })
      )
    )
  }
})
