/** The contract of the journal on every store: what one worker has promised, the next one on the same store knows. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import type { JournalStore } from "../../src/platform/JournalStore.ts"
import { type KeptLog, KeptLogs } from "../../src/platform/KeptLogs.ts"
import type { Claim } from "../../src/protocol/Job.ts"
import * as Json from "../../src/protocol/Json.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { Journal, type Report } from "../../src/worker/Journal.ts"

/** What a token of these tests looks like; nothing that is kept may hold it. */
export const token = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl"

/** A claim of task `id` whose workload carries keys and digits that we do not read. */
export const claimOf = (id: string): Claim => {
  const job = testJob(id)
  const command = { ...job.command, token, kept: Json.parse('{"big":12345678901234567890,"one":1.0}') }
  return { id, job: { ...job, command: command as never }, claimedAt: 1_700_000_000_123, expires: null }
}

const withoutToken = (claim: Claim): Claim => ({
  ...claim,
  job: { ...claim.job, command: { ...claim.job.command, token: "" } as never }
})

/** One life of a worker over the store. */
export const life = <A, E, E2>(
  store: Layer.Layer<JournalStore, E>,
  use: (journal: Journal["Service"]) => Effect.Effect<A, E2, Scope.Scope>,
  kept?: Map<string, KeptLog>
) =>
  Effect.flatMap(Journal, use).pipe(
    Effect.scoped,
    Effect.provide(Journal.layer.pipe(Layer.provide([store, KeptLogs.layerMemory(kept)])), { local: true })
  )

/** The keys of objects in one order; a number that `Json.parse` has kept stays as it is. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value !== "object" || value === null || Array.isArray(value) || "rawJSON" in value
    ? value
    : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))

/** All that a journal knows, in a form that can be compared: numbers digit by digit, the order of entries kept. */
export const all = (journal: Journal["Service"]) =>
  Effect.map(
    Effect.all([journal.openClaims, journal.reports, journal.logOffsets]),
    ([claims, reports, offsets]) =>
      JSON.stringify(
        {
          claims: claims.map((open) => ({ ...open, claim: withoutToken(open.claim) })),
          reports,
          offsets
        },
        inOrder
      )
  )

const states = (reports: ReadonlyArray<Report>) => reports.map(({ claimId, state }) => `${claimId} ${state}`)

/** A step of a worker's life, on one of a few claims and files. */
type Step = readonly [
  "claimed" | "started" | "success" | "failed" | "closed" | "accepted" | "offset" | "forget" | "restart",
  number
]

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    "claimed",
    "started",
    "success",
    "failed",
    "closed",
    "accepted",
    "offset",
    "forget",
    "restart"
  ),
  fc.nat(4)
)

const take = Effect.fnUntraced(function* (journal: Journal["Service"], [what, which]: Step, at: number) {
  const claim = claimOf(`claim-${which}`)
  const file = `/logs/${which} é.log`
  switch (what) {
    case "claimed":
      return yield* journal.claimed(claim, which % 2 === 0 ? file : null)
    case "started":
      return yield* journal.started(claim, { pid: at, start: "12.50" })
    case "success":
    case "failed":
      return yield* journal.settled(claim, what)
    case "closed":
      return yield* journal.closed(claim)
    case "offset":
      return yield* journal.saveLogOffset({ path: file, inode: `${which}`, offset: at })
    case "forget":
      return yield* Effect.orDie(journal.forgetLog(file))
    default: {
      const reports = yield* journal.reports
      const report = reports[which % Math.max(1, reports.length)]
      if (report !== undefined) yield* journal.accepted(report)
    }
  }
})

/** Runs the contract. `disk` makes a store that is empty; each building of it is a start of the worker. */
export const suite = <E>(
  name: string,
  disk: Effect.Effect<Layer.Layer<JournalStore, E>, never, Scope.Scope>,
  runs = 25
) =>
  describe(`Journal on ${name}`, () => {
    it.effect("a claim is there until it is closed, with its handle once its process exists", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const [one, two] = [claimOf("one"), claimOf("two")]
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            yield* journal.claimed(one)
            yield* journal.claimed(two)
            yield* journal.started(two, { pid: 7, start: "8" })
          })
        )
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* journal.openClaims, [
              { claim: withoutToken(one), handle: undefined, ended: false },
              { claim: withoutToken(two), handle: { pid: 7, start: "8" }, ended: false }
            ])
            yield* journal.closed(one)
            yield* journal.settled(two, "success")
          })
        )
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            const open = yield* journal.openClaims
            assert.deepStrictEqual(
              open.map(({ claim, ended, handle }) => [claim.id, ended, handle]),
              [["two", true, { pid: 7, start: "8" }]]
            )
            yield* journal.closed(two)
          })
        )
        assert.deepStrictEqual(yield* life(store, (journal) => journal.openClaims), [])
      })
    )

    it.effect("where a claim's log is, is known as long as the claim", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const [one, two] = [claimOf("one"), claimOf("two")]
        const logs = life(store, (journal) =>
          Effect.map(journal.openClaims, (open) => open.map(({ log }) => log))
        )
        yield* life(store, (journal) =>
          Effect.andThen(journal.claimed(one, "/logs/a é.log"), journal.claimed(two, "/logs/b.log"))
        )
        assert.deepStrictEqual(yield* logs, ["/logs/a é.log", "/logs/b.log"])
        yield* life(store, (journal) =>
          Effect.andThen(journal.started(one, null), journal.started(two, null))
        )
        yield* life(store, (journal) =>
          Effect.andThen(journal.settled(one, "success"), journal.settled(two, "failed", null))
        )
        assert.deepStrictEqual(yield* logs, ["/logs/a é.log", null])
      })
    )

    it.effect("a workload comes back as it came, digit by digit, but for its token", () =>
      Effect.gen(function* () {
        const store = yield* disk
        yield* life(store, (journal) => journal.claimed(claimOf("one")))
        const [open] = yield* life(store, (journal) => journal.openClaims)
        const text = Json.stringify(open) ?? ""
        assert.include(text, '"kept":{"big":12345678901234567890,"one":1.0}')
        assert.include(text, '"token":""')
        assert.notInclude(text, "eyJ")
      })
    )

    it.effect("the end withdraws a `running` of its claim that still waits, and no other's", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const [one, two] = [claimOf("one"), claimOf("two")]
        const after = yield* life(store, (journal) =>
          Effect.gen(function* () {
            yield* journal.started(one, null)
            yield* journal.started(two, null)
            assert.deepStrictEqual(states(yield* journal.reports), ["one running", "two running"])
            yield* journal.settled(one, "failed")
            return yield* journal.reports
          })
        )
        assert.deepStrictEqual(states(after), ["two running", "one failed"])
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* journal.reports, after)
            yield* journal.closed(two)
            assert.deepStrictEqual(states(yield* journal.reports), ["one failed"])
          })
        )
        assert.deepStrictEqual(states(yield* life(store, (journal) => journal.reports)), ["one failed"])
      })
    )

    it.effect("a new claim of a job withdraws the hand-back of the one before, and no other's", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const [one, two] = [claimOf("one"), claimOf("two")]
        const nextTry = { ...one, id: "next", job: { ...one.job, try_number: one.job.try_number + 1 } }
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            for (const claim of [one, two, nextTry]) {
              yield* journal.settled(claim, "queued")
              yield* journal.closed(claim)
            }
            yield* journal.settled(one, "failed")
            yield* journal.claimed({ ...one, id: "again" })
            assert.deepStrictEqual(states(yield* journal.reports), [
              "two queued",
              "next queued",
              "one failed"
            ])
          })
        )
        const left = yield* life(store, (journal) => journal.reports)
        assert.deepStrictEqual(states(left), ["two queued", "next queued", "one failed"])
      })
    )

    it.effect("reports keep the order of writing over restarts; an accepted one is gone", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const names = Array.from({ length: 12 }, (_, at) => `claim-${at}`)
        for (const id of names) yield* life(store, (journal) => journal.settled(claimOf(id), "success"))
        const reports = yield* life(store, (journal) => journal.reports)
        assert.deepStrictEqual(
          states(reports),
          names.map((id) => `${id} success`)
        )
        assert.isTrue(reports.every(({ id }, at) => at === 0 || id > (reports[at - 1]?.id ?? id)))
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            for (const [at, report] of reports.entries()) if (at % 2 === 0) yield* journal.accepted(report)
          })
        )
        assert.deepStrictEqual(
          yield* life(store, (journal) => journal.reports),
          reports.filter((_, at) => at % 2 === 1)
        )
      })
    )

    it.effect(
      "a report says of which job it is, of which task instance, and until when it may be handed back",
      () =>
        Effect.gen(function* () {
          const store = yield* disk
          const { task_instance_id, ...job } = testJob("old")
          const named = { ...claimOf("new"), expires: 1_700_000_600_000 }
          const nameless: Claim = { ...claimOf("old"), job }
          yield* life(store, (journal) =>
            Effect.andThen(journal.settled(named, "queued"), journal.settled(nameless, "failed"))
          )
          const reports = yield* life(store, (journal) => journal.reports)
          assert.deepStrictEqual(
            reports.map(({ expires, key, taskInstanceId }) => [key.task_id, taskInstanceId, expires]),
            [
              ["new", task_instance_id, 1_700_000_600_000],
              ["old", null, null]
            ]
          )
        })
    )

    it.effect("the outbox is told of at once, and only of its changes", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const told = yield* life(store, (journal) =>
          Effect.gen(function* () {
            const claim = claimOf("one")
            const seen: Array<ReadonlyArray<string>> = []
            yield* Effect.forkScoped(
              Stream.runForEach(journal.reportChanges, (reports) =>
                Effect.sync(() => void seen.push(states(reports)))
              ),
              { startImmediately: true }
            )
            const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 20 }))
            yield* settle
            yield* journal.claimed(claim)
            yield* settle
            yield* journal.saveLogOffset({ path: "/logs/a", inode: "1", offset: 1 })
            yield* settle
            yield* journal.started(claim, null)
            yield* settle
            yield* journal.settled(claim, "success")
            yield* settle
            return seen
          })
        )
        assert.deepStrictEqual(told, [[], ["one running"], ["one success"]])
      })
    )

    it.effect("a log's offset is that of its path and inode, until it is forgotten", () =>
      Effect.gen(function* () {
        const store = yield* disk
        const offset = {
          path: "/logs/dag_id=d é/attempt=1.log",
          inode: "18446744073709551615",
          offset: 2 ** 52
        }
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            yield* journal.saveLogOffset({ ...offset, offset: 1 })
            yield* journal.saveLogOffset({ path: "/logs/b", inode: "1", offset: 0 })
            yield* journal.saveLogOffset(offset)
          })
        )
        yield* life(store, (journal) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* journal.logOffset(offset.path), offset)
            assert.isUndefined(yield* journal.logOffset("/logs/c"))
            yield* journal.forgetLog("/logs/b")
            yield* journal.forgetLog("/logs/c")
          })
        )
        assert.deepStrictEqual(yield* life(store, (journal) => journal.logOffsets), [offset])
      })
    )

    it.effect(
      "a log that is kept leaves the journal, and its offset is known still; one that went on stays",
      () =>
        Effect.gen(function* () {
          const store = yield* disk
          const kept = new Map<string, KeptLog>()
          const log = (path: string, size: number) => ({ path, inode: "1", size, changed: 5 })
          yield* life(
            store,
            (journal) =>
              Effect.gen(function* () {
                for (const path of ["/logs/a", "/logs/longer", "/logs/another"])
                  yield* journal.saveLogOffset({ path, inode: "1", offset: 10 })
                yield* journal.saveLogOffset({ path: "/logs/longer", inode: "1", offset: 11 })
                yield* journal.saveLogOffset({ path: "/logs/another", inode: "2", offset: 10 })
                yield* journal.keepLogs([
                  log("/logs/a", 10),
                  log("/logs/longer", 10),
                  log("/logs/another", 10),
                  log("/logs/unknown", 1)
                ])
              }),
            kept
          )
          yield* life(
            store,
            (journal) =>
              Effect.gen(function* () {
                assert.deepStrictEqual(yield* journal.logOffsets, [
                  { path: "/logs/longer", inode: "1", offset: 11 },
                  { path: "/logs/another", inode: "2", offset: 10 }
                ])
                const offsets = Effect.forEach(["/logs/a", "/logs/longer"], journal.logOffset)
                assert.deepStrictEqual(yield* offsets, [
                  { path: "/logs/a", inode: "1", offset: 10 },
                  { path: "/logs/longer", inode: "1", offset: 11 }
                ])
                yield* journal.saveLogOffset({ path: "/logs/a", inode: "1", offset: 12 })
                assert.strictEqual((yield* journal.logOffset("/logs/a"))?.offset, 12)
              }),
            kept
          )
        })
    )

    it.effect(`after any ${runs} histories a restart changes nothing that the journal knows`, () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<never>()
        const history = (steps: ReadonlyArray<Step>) =>
          Effect.gen(function* () {
            const store = yield* disk
            let left = [...steps]
            let at = 0
            let before: string | undefined
            while (true) {
              const next = left.findIndex(([what]) => what === "restart")
              const now = next < 0 ? left : left.slice(0, next)
              const started = yield* life(store, (journal) =>
                Effect.gen(function* () {
                  const found = yield* all(journal)
                  for (const one of now) yield* take(journal, one, at++)
                  return [found, yield* all(journal)] as const
                })
              )
              if (before !== undefined) assert.strictEqual(started[0], before)
              before = started[1]
              if (next < 0 && left.length === 0) return
              left = next < 0 ? [] : left.slice(next + 1)
            }
          })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), (steps) =>
              Effect.runPromiseWith(context)(Effect.scoped(Effect.orDie(history(steps))))
            ),
            { numRuns: runs, seed: 4 }
          )
        )
      })
    )
  })
