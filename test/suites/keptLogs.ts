/** The contract of the kept logs on every store: what is kept is found, page by page, until it is forgotten. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { type KeptLog, KeptLogs, pageSize } from "../../src/platform/KeptLogs.ts"

/** A log of this path, of these bytes, last changed then. */
export const keptLog = (path: string, changed: number, size = 10): KeptLog => ({
  path,
  inode: "18446744073709551615",
  size,
  changed
})

/** One life of a worker over the store. */
export const life = <A, E, E2>(
  store: Layer.Layer<KeptLogs, E>,
  use: (kept: KeptLogs["Service"]) => Effect.Effect<A, E2>
) => Effect.provide(Effect.flatMap(KeptLogs, use), store, { local: true })

/** As they were given: a row of SQLite has no prototype. */
const plain = (logs: ReadonlyArray<KeptLog>) => logs.map((log) => ({ ...log }))

type Page = (after?: KeptLog) => Effect.Effect<ReadonlyArray<KeptLog>, unknown>
const allPages = Effect.fnUntraced(function* (page: Page) {
  const found: Array<KeptLog> = []
  while (true) {
    const next = yield* page(found.at(-1))
    assert.isAtMost(next.length, pageSize)
    found.push(...plain(next))
    if (next.length < pageSize) return found
  }
})

const byAge = (a: KeptLog, b: KeptLog) => a.changed - b.changed || (a.path < b.path ? -1 : 1)

/** Runs the contract. `disk` makes a store that is empty; each building of it is a start of the worker. */
export const suite = <E>(
  name: string,
  disk: Effect.Effect<Layer.Layer<KeptLogs, E>, never, Scope.Scope>,
  runs = 25
) =>
  describe(`KeptLogs on ${name}`, () => {
    it.effect("what is kept is there after a restart as it was given, the newest of a path", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const [a, b] = [
          keptLog("/logs/dag_id=d é 😀/attempt=1.log", 2 ** 50, 2 ** 52),
          keptLog("/logs/b", -5, 0)
        ]
        yield* life(store, (kept) =>
          Effect.gen(function* () {
            yield* kept.keep([])
            yield* kept.keep([keptLog(a.path, 7), b])
            yield* kept.keep([a])
          })
        )
        yield* life(store, (kept) =>
          Effect.gen(function* () {
            assert.deepStrictEqual({ ...(yield* kept.find(a.path)) }, { ...a })
            assert.isUndefined(yield* kept.find("/logs/c"))
            assert.deepStrictEqual(yield* allPages((after) => kept.oldest(2 ** 53 - 1, after)), [b, a])
            yield* kept.forget("/logs/c")
            yield* kept.forget(b.path)
          })
        )
        assert.deepStrictEqual(yield* life(store, (kept) => allPages(kept.byPath)), [a])
      })
    )

    it.effect("pages have each one once, in the order of their age or of their paths", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const logs = Array.from({ length: 2 * pageSize + 7 }, (_, at) =>
          keptLog(`/logs/${(at * 7919) % 2003}`, (at * 31) % 5)
        )
        yield* life(store, (kept) =>
          Effect.gen(function* () {
            yield* kept.keep(logs)
            const sorted = logs.toSorted(byAge)
            assert.deepStrictEqual(yield* allPages((after) => kept.oldest(4, after)), sorted)
            const old = sorted.filter(({ changed }) => changed <= 2)
            assert.deepStrictEqual(yield* allPages((after) => kept.oldest(2, after)), old)
            assert.deepStrictEqual(yield* kept.oldest(-1), [])
            const byPath = logs.toSorted((a, b) => (a.path < b.path ? -1 : 1))
            assert.deepStrictEqual(yield* allPages(kept.byPath), byPath)
          })
        )
      })
    )

    it.effect("a page goes on where it was also when what came before is forgotten", () =>
      Effect.gen(function* () {
        const store = yield* disk
        yield* life(store, (kept) =>
          Effect.gen(function* () {
            yield* kept.keep([keptLog("/a", 1), keptLog("/b", 1), keptLog("/c", 2)])
            for (const path of ["/a", "/b"]) yield* kept.forget(path)
            assert.deepStrictEqual(plain(yield* kept.oldest(9, keptLog("/b", 1))), [keptLog("/c", 2)])
            assert.deepStrictEqual(plain(yield* kept.byPath(keptLog("/b", 1))), [keptLog("/c", 2)])
          })
        )
      })
    )

    it.effect(`after any ${runs} histories their bytes are the sum of their sizes`, () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<never>()
        const step = fc.tuple(
          fc.constantFrom("keep", "keep", "forget", "bytes", "restart"),
          fc.nat(4),
          fc.nat(100)
        )
        const history = Effect.fnUntraced(function* (
          steps: ReadonlyArray<readonly [string, number, number]>
        ) {
          const store = yield* disk
          const expected = new Map<string, number>()
          const sum = () => [...expected.values()].reduce((all, one) => all + one, 0)
          let at = 0
          do {
            yield* life(store, (kept) =>
              Effect.gen(function* () {
                for (; at < steps.length; at++) {
                  const [what, which, size] = steps[at] ?? ["", 0, 0]
                  const path = `/logs/${which}`
                  if (what === "restart") break
                  if (what === "bytes") assert.strictEqual(yield* kept.bytes, sum())
                  else if (what === "forget") {
                    expected.delete(path)
                    yield* kept.forget(path)
                  } else {
                    // one batch may have a path twice
                    expected.set(path, size)
                    yield* kept.keep([keptLog(path, 1, 100 - size), keptLog(path, 1, size)])
                  }
                }
                assert.strictEqual(yield* kept.bytes, sum())
              })
            )
          } while (++at < steps.length)
        })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), (steps) =>
              Effect.runPromiseWith(context)(Effect.scoped(Effect.orDie(history(steps))))
            ),
            { numRuns: runs, seed: 6 }
          )
        )
      })
    )
  })
