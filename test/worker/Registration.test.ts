/** Registration: outages are waited out, refusals end the worker with their reason, a dead predecessor is replaced. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import { down, type Fault, lost, type StoredWorker, TestCentral } from "../../src/testing/TestCentral.ts"
import {
  SiteUnavailable,
  VersionRejected,
  WorkerConflict,
  WorkerNotFound
} from "../../src/worker/EdgeError.ts"
import { RegistrationRefused } from "../../src/worker/Registration.ts"
import { known } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, layer, type Options, within } from "./harness.ts"

/** A worker that has just started, and its site. */
interface Started {
  readonly worker: Worker["Service"]
  readonly central: TestCentral["Service"]
}

const start = <A, E, R>(options: Options, test: (started: Started) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    return yield* test({ worker: yield* Worker, central: yield* TestCentral })
  }).pipe(Effect.scoped, Effect.provide(layer(options)))

/** Another worker of the name, as the site has it. */
const active = (central: TestCentral["Service"]) => central.preset({ state: "running", comments: null })

const refusedBy = (fault: Fault) =>
  start(
    {},
    Effect.fnUntraced(function* ({ central, worker }) {
      yield* central.fault("register", fault)
      return yield* within("1 minute", Effect.flip(worker.ended))
    })
  )

const answered = (status: number, fromSite: boolean) =>
  new SiteUnavailable({
    operation: "register",
    reason: `status ${status}`,
    status,
    fromSite,
    ambiguous: false
  })

describe("Registration", () => {
  it.effect("waits while the site is away and registers when it is back", () =>
    start(
      {},
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.fault("register", { refuse: down })
        yield* advance("1 hour")
        assert.strictEqual((yield* worker.status).state, "starting")
        yield* central.fault("register", undefined)
        yield* within("91 seconds", worker.registered)
      })
    )
  )

  for (const [versions, status] of [
    ["mismatch", 30],
    ["unsaid", 30],
    [undefined, 20]
  ] as const) {
    it.effect(
      `an answer whose versions are ${versions ?? "the same"}: the first heartbeat says status ${status}`,
      () =>
        start(
          {},
          Effect.fnUntraced(function* ({ central }) {
            yield* central.fault("register", versions === undefined ? undefined : { versions })
            const { calls } = yield* within(
              "5 seconds",
              central.until(({ calls }) => calls.some(({ operation }) => operation === "heartbeat"))
            )
            const beat = calls.find(({ operation }) => operation === "heartbeat")?.body as WorkerStateBody
            assert.strictEqual(beat.sysinfo.status, status)
          })
        )
    )
  }

  it.effect("is told to stop before the site was reached: ends at once, all well", () =>
    start(
      {},
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.fault("register", { refuse: down })
        yield* advance("10 seconds")
        yield* worker.drain("SIGTERM")
        const end = yield* within("1 second", worker.ended)
        assert.strictEqual(end.reason, "SIGTERM")
        assert.isUndefined((yield* central.get).worker)
      })
    )
  )

  for (const [name, fault, why] of [
    ["versions", { refuse: new VersionRejected({ detail: "too old" }) }, "versions"],
    ["credentials", { refuse: answered(403, true) }, "credentials"],
    ["credentials that the site does not know", { refuse: answered(401, true) }, "credentials"],
    ["the API is off or the URL is wrong", { refuse: answered(404, true) }, "api"],
    ["the method is not allowed: the API is off", { refuse: answered(405, true) }, "api"]
  ] as const) {
    it.effect(`ends with the reason: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* refusedBy(fault)
        assert.instanceOf(error, RegistrationRefused)
        assert.strictEqual(error.why, why)
        assert.strictEqual(error.message, error.reason)
      })
    )
  }

  /** Nothing is installed here: the worker says the versions that it learns from the site. */
  const learning: Options = { installed: { airflow: known.airflow, edge3: undefined, python: undefined } }
  /** The site rejects as many registrations as there are versions here, and names one each time. */
  const rejecting = (
    central: TestCentral["Service"],
    [core, ...more]: ReadonlyArray<string>
  ): Effect.Effect<void> =>
    Effect.suspend(() => {
      const next = rejecting(central, more)
      const detail = `Edge Worker runs on Edge Provider ${known.edge3} and the core runs on ${core}. Use the same.`
      const fault: Fault = { wait: next, refuse: new VersionRejected({ detail }) }
      return central.fault("register", core === undefined ? undefined : fault)
    })

  it.effect("says the site's version after its first refusal, and is taken", () =>
    start(
      learning,
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* rejecting(central, ["5.98.0"])
        yield* within("2 seconds", worker.registered)
        const asked = (yield* central.get).calls.filter(({ operation }) => operation === "register")
        assert.deepStrictEqual(
          asked.map(({ body }) => (body as WorkerStateBody).sysinfo.edge_provider_version),
          [known.edge3, "5.98.0"]
        )
      })
    )
  )

  it.effect("does not follow a site that names another version each time", () =>
    start(
      learning,
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* rejecting(central, ["5.91.0", "5.92.0", "5.93.0", "5.94.0", "5.95.0"])
        const error = yield* within("1 minute", Effect.flip(worker.ended))
        assert.strictEqual(error.why, "versions")
        assert.include(error.message, "5.94.0")
      })
    )
  )

  for (const [what, refuse] of [
    ["a gateway's 403", answered(403, false)],
    ["the site's own 500", answered(500, true)]
  ] as const) {
    it.effect(`${what} is an outage`, () =>
      start(
        {},
        Effect.fnUntraced(function* ({ central, worker }) {
          yield* central.fault("register", { refuse })
          yield* advance("5 minutes")
          yield* central.fault("register", undefined)
          yield* within("91 seconds", worker.registered)
        })
      )
    )
  }

  it.effect("another worker of the name is active: refused", () =>
    start(
      {},
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* active(central)
        const error = yield* within("1 minute", Effect.flip(worker.ended))
        assert.instanceOf(error, RegistrationRefused)
        assert.strictEqual(error.why, "name")
      })
    )
  )

  it.effect("a predecessor that is proved dead is replaced at once", () =>
    start(
      { nameBefore: "dead" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* active(central)
        yield* within("2 seconds", worker.registered)
        yield* within(
          "2 seconds",
          central.until((c) => c.worker?.state === "idle")
        )
      })
    )
  )

  it.effect("the proof counts from the worker's start, whatever the clock of the machine shows", () =>
    Effect.andThen(
      TestClock.adjust("1 day"),
      start(
        { nameBefore: "dead", provedFor: 100_000 },
        Effect.fnUntraced(function* ({ central, worker }) {
          yield* active(central)
          yield* within("2 seconds", worker.registered)
        })
      )
    )
  )

  it.effect("a takeover in an outage is tried again", () =>
    start(
      { nameBefore: "dead" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* active(central)
        yield* central.fault("heartbeat", { refuse: down })
        yield* advance("1 minute")
        yield* central.fault("heartbeat", undefined)
        yield* within("91 seconds", worker.registered)
      })
    )
  )

  for (const [what, refuse, edit] of [
    ["whose predecessor was removed meanwhile", new WorkerNotFound(), () => undefined],
    [
      "by other versions, which the site minds only after it has stored the state",
      new VersionRejected({ detail: "too old" }),
      (stored: StoredWorker): StoredWorker => ({ ...stored, state: "offline" })
    ]
  ] as const) {
    it.effect(`a takeover ${what} is one all the same`, () =>
      start(
        { nameBefore: "dead" },
        Effect.fnUntraced(function* ({ central, worker }) {
          yield* active(central)
          yield* central.fault("heartbeat", { wait: central.editWorker(edit), refuse: refuse as never })
          yield* within("2 seconds", worker.registered)
        })
      )
    )
  }

  it.effect("a name is taken over once: who has it after that is another worker", () =>
    start(
      { nameBefore: "dead" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.fault("register", { refuse: new WorkerConflict({ detail: "it is active" }) as never })
        yield* active(central)
        const error = yield* within("1 minute", Effect.flip(worker.ended))
        assert.strictEqual(error.why, "name")
        const beats = (yield* central.get).calls.filter(({ operation }) => operation === "heartbeat")
        assert.lengthOf(beats, 2)
      })
    )
  )

  it.effect("one that is not proved dead is waited for until the site gives it up", () =>
    start(
      { nameBefore: "unproved" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* active(central)
        yield* advance("2 minutes")
        assert.strictEqual((yield* central.get).worker?.state, "running")
        yield* central.editWorker((stored) => ({ ...stored, state: "unknown" }))
        yield* within("20 seconds", worker.registered)
      })
    )
  )

  it.effect("one that is not proved dead and does not go away lives: refused", () =>
    start(
      { nameBefore: "unproved" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* active(central)
        const ended = yield* Effect.forkChild(Effect.flip(worker.ended))
        // Five heartbeats, and three minutes for a scheduler that is busy.
        yield* advance("5 minutes")
        assert.isUndefined(ended.pollUnsafe())
        const error = yield* within("1 minute", Fiber.join(ended))
        assert.strictEqual(error._tag, "RegistrationRefused")
      })
    )
  )

  it.effect("a registration whose answer was lost does not make the worker refuse itself", () =>
    start(
      {},
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.fault("register", { lose: lost })
        yield* within(
          "10 seconds",
          central.until((c) => c.worker !== undefined)
        )
        yield* central.fault("register", undefined)
        yield* advance("1 minute")
        assert.isFalse((yield* central.get).calls.some(({ operation }) => operation === "heartbeat"))
        yield* central.editWorker((stored) => ({ ...stored, state: "unknown" }))
        yield* within("20 seconds", worker.registered)
      })
    )
  )

  const notesOf = (
    options: Options,
    given: (central: TestCentral["Service"]) => Effect.Effect<void>,
    ended = false
  ) => {
    const notes: Array<"asked" | "held" | "freed"> = []
    return start(
      { ...options, nameNotes: notes },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* given(central)
        yield* within(
          "6 minutes",
          ended ? Effect.asVoid(Effect.flip(worker.ended)) : Effect.orDie(worker.registered)
        )
        return notes.filter((note, at) => note !== notes[at - 1])
      })
    )
  }
  const forbidden = (central: TestCentral["Service"]) =>
    central.fault("register", { refuse: answered(403, true) })

  for (const [what, options, given, ended, notes] of [
    ["what is asked is noted before it is sent", {}, () => Effect.void, false, ["asked", "held"]],
    ["a refusal takes the note back", {}, forbidden, true, ["asked", "freed"]],
    ["a name that another holds takes the note back", {}, active, true, ["asked", "freed"]],
    [
      "the proof of a predecessor is kept until its name is free",
      { nameBefore: "dead" },
      active,
      false,
      ["asked", "held"]
    ],
    ["a refusal leaves the proof of a predecessor", { nameBefore: "dead" }, forbidden, true, []],
    ["a refusal leaves what a predecessor had asked", { nameBefore: "asked" }, forbidden, true, []],
    ["one that lives is not who had asked", { nameBefore: "asked" }, active, true, ["freed"]],
    ["one that is not proved dead stays so", { nameBefore: "unproved" }, active, true, []]
  ] as const) {
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* notesOf(options, given, ended), [...notes])
      })
    )
  }

  it.effect(
    "killed before it heard whether it was taken: the next waits until the site gives the name up",
    () =>
      start(
        { nameBefore: "asked" },
        Effect.fnUntraced(function* ({ central, worker }) {
          yield* central.preset({ state: "starting", comments: null })
          yield* advance("2 minutes")
          assert.deepStrictEqual(
            (yield* central.get).calls.filter(({ operation }) => operation === "heartbeat"),
            []
          )
          yield* central.editWorker((stored) => ({ ...stored, state: "unknown" }))
          yield* within("20 seconds", worker.registered)
        })
      )
  )

  const loseTheFirst = Effect.fnUntraced(function* (central: TestCentral["Service"]) {
    yield* active(central)
    yield* central.fault("register", { refuse: lost })
    yield* within(
      "10 seconds",
      central.until((c) => c.calls.some(({ operation }) => operation === "register"))
    )
    yield* central.fault("register", undefined)
  })

  it.effect("the proof holds although the answer to the first attempt was lost", () =>
    start(
      { nameBefore: "dead", provedFor: 100_000 },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* loseTheFirst(central)
        yield* within("20 seconds", worker.registered)
      })
    )
  )

  it.effect("the proof ends when the site may have given the name to another machine", () =>
    start(
      { nameBefore: "dead", provedFor: 100_000 },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.fault("register", { refuse: down })
        yield* advance("150 seconds")
        yield* active(central)
        yield* central.fault("register", undefined)
        yield* advance("3 minutes")
        assert.strictEqual((yield* central.get).worker?.state, "running")
        assert.isFalse((yield* central.get).calls.some(({ operation }) => operation === "heartbeat"))
        yield* central.editWorker((stored) => ({ ...stored, state: "unknown" }))
        yield* within("20 seconds", worker.registered)
      })
    )
  )

  it.effect("its maintenance and the comment survive the takeover", () =>
    start(
      { nameBefore: "dead" },
      Effect.fnUntraced(function* ({ central, worker }) {
        yield* central.preset({ state: "maintenance mode", comments: "new disk" })
        yield* within("2 seconds", worker.registered)
        yield* within(
          "2 seconds",
          central.until((c) => c.worker?.state === "maintenance mode")
        )
        yield* advance("1 minute")
        assert.strictEqual((yield* central.get).worker?.comments, "new disk")
        assert.strictEqual((yield* worker.status).maintenance_comments, "new disk")
      })
    )
  )
})
