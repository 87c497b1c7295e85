/** Task.fromAsync: the promise-style context, what a rejection and a throw end with, and an aborted signal. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AsyncContext } from "../../src/task/AsyncContext.ts"
import { Defer, TaskSkipped } from "../../src/task/endings.ts"
import * as Task from "../../src/task/Task.ts"
import * as TestTask from "../../src/testing/TestTask.ts"

type Context = AsyncContext<Readonly<Record<string, unknown>>>
const task = <A>(run: (context: Context) => Promise<A>) =>
  Task.fromAsync({ dagId: "dag", taskId: "task", run })

describe("an async function", () => {
  it.effect("gets all that a task can know and ask", () =>
    Effect.gen(function* () {
      const seen = task(async (on) => {
        await on.xcom.push("mine", { n: 1 })
        await on.variables.put("v", "text")
        await on.variables.putJson("j", [1])
        await on.taskStore.set("k", 1)
        await on.assetStore.set({ name: "a" }, "k", 2)
        await on.renderedMapIndex("label")
        on.log.info("hello", { n: 1 })
        on.log.error(new Error("only logged"))
        const { password } = await on.connections.get("db")
        return {
          params: on.params,
          task: [on.ti.taskId, on.dagRun.runId, on.attempt],
          seed: await on.xcom.get({ taskId: "seed" }, Schema.Finite),
          none: (await on.xcom.get({ taskId: "nobody" })) === undefined,
          all: await on.xcom.getAll({ taskId: "seed" }),
          variable: await on.variables.get("v"),
          json: await on.variables.get("j", Schema.Array(Schema.Int)),
          noVariable: (await on.variables.get("none")) === undefined,
          keys: await on.variables.keys(),
          stores: [await on.taskStore.get("k"), await on.assetStore.get({ name: "a" }, "k")],
          run: (await on.dagRuns.trigger({ dagId: "next", runId: "r" })).runId,
          state: await on.dagRuns.state({ dagId: "next", runId: "r" }),
          first: await on.taskInstances.firstReschedule(),
          password
        }
      })
      const tested = yield* TestTask.run(seen, {
        params: { p: 1 },
        xcoms: { seed: 5 },
        connections: { db: { password: "geheim" } }
      })
      expect(tested.returned).toEqual({
        params: { p: 1 },
        task: ["task", "test-run", 1],
        seed: 5,
        none: true,
        all: [5],
        variable: "text",
        json: [1],
        noVariable: true,
        keys: ["j", "v"],
        stores: [1, 2],
        run: "r",
        state: "queued",
        first: null,
        password: "geheim"
      })
      expect(tested.xcoms["mine"]).toEqual({ n: 1 })
      expect(tested.end).toMatchObject({ type: "SucceedTask", rendered_map_index: "label" })
      expect(tested.log).toMatchObject([
        { level: "info", event: "hello", n: 1 },
        { level: "error", event: "only logged", error_detail: [{ exc_value: "only logged" }] }
      ])
    })
  )

  it.effect("gets its params through the schema, and what it returns goes through one", () =>
    Effect.gen(function* () {
      const typed = Task.fromAsync({
        ...{ dagId: "dag", taskId: "task" },
        params: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
        output: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
        run: async ({ params }) => params
      })
      const at = "2026-01-02T03:04:05.000Z"
      expect((yield* TestTask.run(typed, { params: { at } })).returned).toEqual({ at })
      expect((yield* TestTask.run(typed)).end).toMatchObject({ state: "failed" })
    })
  )

  it.effect.each([
    ["rejects", async () => Promise.reject(new Error("no luck"))],
    [
      "throws before it returns a promise",
      () => {
        throw new Error("no luck")
      }
    ]
  ] as const)("fails the task where it %s", ([, run]) =>
    Effect.gen(function* () {
      const tested = yield* TestTask.run(task(run))
      expect(tested.end).toMatchObject({ state: "failed" })
      expect(tested.log[0]?.error_detail).toMatchObject([{ exc_type: "Error", exc_value: "no luck" }])
    })
  )

  it.effect("may throw how the task ends, and go on after a deferral", () =>
    Effect.gen(function* () {
      const waits = Task.fromAsync({
        ...{ dagId: "dag", taskId: "task" },
        run: async ({ params }): Promise<string> => {
          if (params["skip"] === true) throw new TaskSkipped({ reason: "not today" })
          throw new Defer({ classpath: "a.B", nextMethod: "go" })
        },
        resume: { go: async ({ params }, { event }) => `${event} ${params["x"]}` }
      })
      expect((yield* TestTask.run(waits, { params: { skip: true } })).end).toMatchObject({ state: "skipped" })
      expect((yield* TestTask.run(waits)).end).toMatchObject({ type: "DeferTask", next_method: "go" })
      const resumed = yield* TestTask.run(waits, {
        params: { x: 1 },
        resume: { method: "go", kwargs: { event: "e" } }
      })
      expect(resumed.returned).toBe("e 1")
    })
  )

  it.effect("may catch what the site refused", () =>
    Effect.gen(function* () {
      const careful = task(({ connections }) =>
        connections.get("none").catch((error: Error) => error.message)
      )
      const { returned } = yield* TestTask.run(careful)
      expect(returned).toBe('there is no connection "none"')
    })
  )

  it.effect("that waits for a person throws what ends this part of the task", () =>
    Effect.gen(function* () {
      const asks = task(({ humanInput }) =>
        humanInput.askAndWait({ subject: "?", options: ["a"] }, { nextMethod: "go" })
      )
      expect((yield* TestTask.run(asks)).end).toMatchObject({ type: "AwaitInputTask", next_method: "go" })
    })
  )

  it.effect("hears by its signal that it shall end, may clean up, and is waited for", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const start = yield* Effect.map(
        Effect.context<never>(),
        (context) => () => Effect.runSyncWith(context)(Deferred.succeed(started, undefined))
      )
      const polite = task(async ({ signal, variables }) => {
        const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve))
        start()
        await aborted
        await variables.put("cleaned", String((signal.reason as Error).message))
        return "too late"
      })
      const tested = yield* TestTask.run(polite, { cancelWhen: Deferred.await(started), shouldRetry: true })
      expect(tested.variables).toEqual({ cleaned: "the task was cancelled" })
      expect(tested.end.type).toBe("RetryTask")
      expect(tested.returned).toBeUndefined()
    })
  )

  it("can be tested with promises", async () => {
    const { returned } = await TestTask.runPromise(
      task(async ({ xcom }) => xcom.get({ taskId: "seed" })),
      {
        xcoms: [{ taskId: "seed", value: "x" }]
      }
    )
    expect(returned).toBe("x")
  })
})
