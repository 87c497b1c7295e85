/** The services of a task: what each call asks of the site, and what it makes of the answer. */
import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { TaskRequest } from "../../src/protocol/TaskComms.ts"
import * as AssetStore from "../../src/task/AssetStore.ts"
import * as Assets from "../../src/task/Assets.ts"
import * as Connections from "../../src/task/Connections.ts"
import * as DagRuns from "../../src/task/DagRuns.ts"
import { AwaitInput } from "../../src/task/endings.ts"
import * as HumanInput from "../../src/task/HumanInput.ts"
import * as Lossless from "../../src/task/Lossless.ts"
import * as PythonValue from "../../src/task/PythonValue.ts"
import * as Task from "../../src/task/Task.ts"
import * as TaskInstances from "../../src/task/TaskInstances.ts"
import * as TaskStore from "../../src/task/TaskStore.ts"
import * as ThisTask from "../../src/task/ThisTask.ts"
import * as Variables from "../../src/task/Variables.ts"
import * as XCom from "../../src/task/XCom.ts"
import * as TestTask from "../../src/testing/TestTask.ts"

const tiId = "01900000-0000-7000-8000-000000000001"

/** Runs an effect as a task, and gives what it made beside what came of the task. */
const within = Effect.fnUntraced(function* <A>(
  work: Effect.Effect<A, unknown, Task.TaskServices>,
  options: TestTask.TestTaskOptions = {}
) {
  let made: A | undefined
  const task = Task.make({
    dagId: "dag",
    taskId: "task",
    run: () =>
      Effect.map(work, (value) => {
        made = value
      })
  })
  const tested = yield* TestTask.run(task, options)
  assert(tested.end.type === "SucceedTask", JSON.stringify(tested.log))
  return { made: made as A, ...tested }
})

/** The first request, without what names this task. */
const asked = <A>(
  work: Effect.Effect<A, unknown, Task.TaskServices>,
  options: TestTask.TestTaskOptions = {}
) => Effect.map(within(Effect.exit(work), options), ({ requests }) => requests[0])

describe("XCom", () => {
  const seeded = {
    xcoms: [
      { taskId: "seed", value: { n: 3 } },
      { taskId: "seed", key: "big", value: 2 ** 53 },
      { taskId: "mapped", mapIndex: 0, value: "a" },
      { taskId: "mapped", mapIndex: 2, value: "c" },
      { taskId: "mapped", mapIndex: 1, value: "b" },
      { taskId: "seed", dagId: "other", runId: "r1", value: "elsewhere" }
    ]
  }

  it.effect("is read as JSON, or through a schema", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.all([
          XCom.get({ taskId: "seed" }),
          Effect.map(XCom.get({ taskId: "seed" }, Schema.Struct({ n: Schema.Finite })), ({ n }) => n + 1),
          XCom.get({ taskId: "seed", key: "big" }, Lossless.BigInt),
          XCom.get({ taskId: "mapped", mapIndex: 1 }, Schema.String),
          XCom.get({ taskId: "seed", dagId: "other", runId: "r1" })
        ]),
        seeded
      )
      expect(made).toEqual([{ n: 3 }, 4, 9007199254740992n, "b", "elsewhere"])
    })
  )

  it.effect("that is not there is NotFound, or none", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.all([
          Effect.flip(XCom.get({ taskId: "nobody", key: "k" })),
          XCom.getOption({ taskId: "nobody" }, Schema.String),
          XCom.getOption({ taskId: "mapped", mapIndex: 0 }, Schema.String)
        ]),
        seeded
      )
      expect(made[0]).toMatchObject({ _tag: "NotFound", message: 'there is no XCom "k" of the task nobody' })
      expect(made.slice(1)).toEqual([Option.none(), Option.some("a")])
    })
  )

  it.effect("that is something else than expected says what and where", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.flip(XCom.get({ taskId: "seed" }, Schema.Struct({ n: Schema.String }))),
        seeded
      )
      expect(made).toMatchObject({
        _tag: "UnexpectedValue",
        message: expect.stringMatching(
          /^XCom "return_value" of the task seed is not what was expected: .*string.* at n$/
        )
      })
    })
  )

  it.effect("of a mapped task are read together, in part, by place, and counted", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.all([
          XCom.getAll({ taskId: "mapped" }, Schema.String),
          XCom.getAll({ taskId: "mapped", slice: { start: 1 } }, Schema.String),
          XCom.getItem({ taskId: "mapped", offset: -1 }),
          XCom.count({ taskId: "mapped" }),
          XCom.getAll({ taskId: "nobody" })
        ]),
        seeded
      )
      expect(made).toEqual([["a", "b", "c"], ["b", "c"], "c", 3, []])
    })
  )

  it.effect("is pushed and removed under this task's own name and index", () =>
    Effect.gen(function* () {
      const { requests, xcoms } = yield* within(
        Effect.all([
          XCom.push("at", new Date(0)),
          XCom.push("id", 12345678901234567890n, Lossless.BigInt),
          XCom.push("gone", 1),
          XCom.delete({ key: "gone" })
        ]),
        { mapIndex: 3 }
      )
      expect(Object.keys(xcoms)).toEqual(["at", "id"])
      expect(xcoms["at"]).toBe("1970-01-01T00:00:00.000Z")
      expect(JSON.stringify(xcoms["id"])).toBe("12345678901234567890")
      expect(requests.map((request) => "map_index" in request && request.map_index)).toEqual([3, 3, 3, 3])
    })
  )

  it.effect("is asked for in the words of the protocol", () =>
    Effect.gen(function* () {
      const where = { key: "return_value", dag_id: "dag", run_id: "test-run" }
      expect(yield* asked(XCom.get({ taskId: "a", includePriorDates: true }))).toEqual({
        ...{ type: "GetXCom", ...where, task_id: "a", map_index: -1, include_prior_dates: true }
      })
      expect(yield* asked(XCom.delete({ taskId: "a" }), { mapIndex: 3 })).toEqual({
        ...{ type: "DeleteXCom", ...where, task_id: "a", map_index: -1 }
      })
    })
  )
})

describe("Variables", () => {
  const variables = { name: "Ada", limits: '{"max": 5, "id": 9007199254740993}', broken: "{secret" }

  it.effect("are text, or JSON through a schema", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.all([
          Variables.get("name"),
          Variables.get("limits", Schema.Struct({ max: Schema.Int, id: Lossless.BigInt })),
          Variables.getOption("name"),
          Variables.getOption("missing", Schema.Int),
          Effect.flip(Variables.get("missing")),
          Effect.flip(Variables.get("broken", Schema.Unknown))
        ]),
        { variables }
      )
      expect(made.slice(0, 4)).toEqual([
        "Ada",
        { max: 5, id: 9007199254740993n },
        Option.some("Ada"),
        Option.none()
      ])
      expect(made[4]).toMatchObject({ _tag: "NotFound", message: 'there is no variable "missing"' })
      // what is in it may be a secret
      expect((made[5] as Error).message).toBe('variable "broken" is not what was expected: it is not JSON')
    })
  )

  it.effect("are written, removed and listed", () =>
    Effect.gen(function* () {
      const { made, requests, ...tested } = yield* within(
        Effect.gen(function* () {
          yield* Variables.put("text", "plain", { description: "why" })
          yield* Variables.putJson("json", { id: 12345678901234567890n })
          yield* Variables.putJson("schema", 5n, { schema: Lossless.BigInt })
          yield* Variables.delete("name")
          return yield* Effect.all([Variables.keys(), Variables.keys("li")])
        }),
        { variables }
      )
      expect(made).toEqual([["broken", "json", "limits", "schema", "text"], ["limits"]])
      expect(tested.variables).toMatchObject({
        text: "plain",
        json: '{"id":12345678901234567890}',
        schema: "5"
      })
      expect(requests[0]).toEqual({ type: "PutVariable", key: "text", value: "plain", description: "why" })
    })
  )

  it.effect("are listed whole, also where a site gives a page at a time", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 2_500 }, (_, at) => `v${String(at).padStart(4, "0")}`)
      const { made, requests } = yield* within(Variables.keys(), {
        variables: Object.fromEntries(all.map((key) => [key, ""]))
      })
      expect(made).toEqual(all)
      expect(requests).toHaveLength(3)
    })
  )
})

describe("Connections", () => {
  it.effect("wrap what is secret in them", () =>
    Effect.gen(function* () {
      const { made } = yield* within(Connections.get("db"), {
        connections: {
          db: {
            type: "postgres",
            host: "h",
            login: "l",
            password: "geheim",
            port: 5432,
            extra: { sslmode: "require" }
          }
        }
      })
      expect(made).toMatchObject({
        id: "db",
        type: "postgres",
        host: "h",
        login: "l",
        port: 5432,
        schema: undefined
      })
      expect(JSON.stringify(made)).not.toMatch(/geheim|require/)
      assert(made.password !== undefined)
      expect(Redacted.value(made.password)).toBe("geheim")
      expect(Redacted.value(made.extra)).toEqual({ sslmode: "require" })
    })
  )

  it.effect("may have nothing but a type, or an extra that is no object, or not be there", () =>
    Effect.gen(function* () {
      const { made } = yield* within(
        Effect.all([Connections.get("bare"), Effect.flip(Connections.get("none"))]),
        { connections: { bare: {} } }
      )
      expect(made[0].password).toBeUndefined()
      expect(Redacted.value(made[0].extra)).toEqual({})
      expect((made[1] as Error).message).toBe('there is no connection "none"')
      const odd = yield* within(Connections.get("odd"), {
        answer: () => ({ type: "ConnectionResult", conn_id: "odd", conn_type: "http", extra: "[1" })
      })
      expect(Redacted.value(odd.made.extra)).toEqual({})
    })
  )
})

describe("DagRuns", () => {
  it.effect("are triggered under a name of their own, or a given one", () =>
    Effect.gen(function* () {
      const { made, triggered } = yield* within(
        Effect.all([
          DagRuns.trigger({ dagId: "next", conf: { id: 12345678901234567890n } }),
          DagRuns.trigger({
            dagId: "next",
            runId: "mine",
            reset: true,
            note: "n",
            logicalDate: "2026-01-01T00:00:00Z"
          }),
          Effect.flip(DagRuns.trigger({ dagId: "next", runId: "mine" })),
          DagRuns.state({ dagId: "next", runId: "mine" }),
          DagRuns.get({ dagId: "next", runId: "mine" }),
          DagRuns.count({ dagId: "next" }),
          DagRuns.dag("next")
        ])
      )
      expect(made[0].runId).toMatch(/^manual__1970-01-01T00:00:00.000\+00:00_[0-9a-z]{8}$/)
      expect(made[2]).toMatchObject({ _tag: "TaskRequestFailed", error: "DAGRUN_ALREADY_EXISTS" })
      expect(made.slice(3)).toMatchObject([
        "queued",
        { dagId: "next", runId: "mine", state: "queued" },
        2,
        { dag_id: "next" }
      ])
      expect(JSON.stringify(triggered[0]?.conf)).toBe('{"id":12345678901234567890}')
      expect(triggered[1]).toMatchObject({
        run_id: "mine",
        reset_dag_run: true,
        note: "n",
        logical_date: "2026-01-01T00:00:00Z"
      })
    })
  )

  it.effect("before this one are found by its logical date", () =>
    Effect.gen(function* () {
      const logical_date = "2026-01-02T00:00:00.123456Z"
      expect(yield* asked(DagRuns.previous({ state: "success" }), { dagRun: { logical_date } })).toEqual({
        ...{ type: "GetPreviousDagRun", dag_id: "dag", logical_date, state: "success" }
      })
      expect((yield* within(DagRuns.previous())).requests).toEqual([])
      const success = yield* within(DagRuns.previousSuccess, {
        answer: () => ({ type: "PrevSuccessfulDagRunResult", start_date: "2026-01-01T00:00:00Z" })
      })
      expect(success.made).toEqual({
        ...{
          dataIntervalStart: null,
          dataIntervalEnd: null,
          startDate: "2026-01-01T00:00:00Z",
          endDate: null
        }
      })
    })
  )
})

describe("TaskInstances", () => {
  it.effect("are counted, looked at, and told in breadcrumbs", () =>
    Effect.gen(function* () {
      const answers: Partial<
        Record<TaskRequest["type"], { readonly type: string; readonly [key: string]: unknown }>
      > = {
        GetTICount: { type: "TICount", count: 7 },
        GetTaskStates: { type: "TaskStatesResult", task_states: { r1: { a: "success", b_0: null } } },
        GetTaskBreadcrumbs: { type: "TaskBreadcrumbsResult", breadcrumbs: [{ task_id: "a", duration: 1.5 }] },
        GetTaskRescheduleStartDate: { type: "TaskRescheduleStartDate", start_date: "2026-01-01T00:00:00Z" },
        GetPreviousTI: {
          type: "PreviousTIResult",
          task_instance: {
            task_id: "task",
            dag_id: "dag",
            run_id: "r0",
            try_number: 1,
            state: "failed",
            duration: 2.0
          }
        }
      }
      const { made, requests } = yield* within(
        Effect.all([
          TaskInstances.count({ states: ["success"], taskIds: ["a"] }),
          TaskInstances.states({ runIds: ["r1"] }),
          TaskInstances.breadcrumbs(),
          TaskInstances.firstReschedule,
          TaskInstances.previous()
        ]),
        { answer: ({ type }) => answers[type] }
      )
      expect(made).toMatchObject([
        7,
        { r1: { a: "success", b_0: null } },
        [{ task_id: "a", duration: 1.5 }],
        "2026-01-01T00:00:00Z",
        { runId: "r0", mapIndex: -1, state: "failed", duration: 2 }
      ])
      expect(requests[0]).toMatchObject({
        dag_id: "dag",
        task_ids: ["a"],
        states: ["success"],
        run_ids: null
      })
      expect(requests[4]).toMatchObject({ task_id: "task", map_index: -1, logical_date: null })
      expect((yield* within(TaskInstances.previous())).made).toBeUndefined()
    })
  )
})

describe("Assets", () => {
  it.effect("are found, and updated when the task has succeeded", () =>
    Effect.gen(function* () {
      const { end, made } = yield* within(
        Effect.all([
          Assets.get({ name: "a" }),
          Assets.get({ uri: "s3://a" }),
          Effect.flip(Assets.get({ name: "x" })),
          Assets.ofAlias("alias"),
          Assets.eventsOfAlias("alias"),
          Assets.updated({ name: "a", uri: "s3://a", extra: { rows: 5 } }),
          Assets.updated({ name: "b", uri: "s3://b" })
        ]),
        { assets: [{ name: "a", uri: "s3://a" }] }
      )
      expect(made.slice(0, 2)).toMatchObject([{ uri: "s3://a" }, { name: "a" }])
      expect((made[2] as Error).message).toBe('there is no asset named "x"')
      expect(end).toMatchObject({
        task_outlets: [
          { name: "a", uri: "s3://a", type: "Asset" },
          { name: "b", uri: "s3://b", type: "Asset" }
        ],
        outlet_events: [{ dest_asset_key: { name: "a", uri: "s3://a" }, extra: { rows: 5 } }]
      })
    })
  )

  it.effect("have events", () =>
    Effect.gen(function* () {
      const event = { id: 1, timestamp: "2026-01-01T00:00:00Z", asset: { name: "a", uri: "u", group: "g" } }
      const { made, requests } = yield* within(
        Assets.events({ name: "a" }, { limit: 5, after: "2026-01-01T00:00:00Z" }),
        {
          answer: () => ({ type: "AssetEventsResult", asset_events: [{ ...event, source_dag_id: "d" }] })
        }
      )
      expect(made).toEqual([{ ...event, source_dag_id: "d" }])
      expect(requests).toEqual([
        {
          ...{ type: "GetAssetEventByAsset", name: "a", uri: null, after: "2026-01-01T00:00:00Z" },
          ...{ before: null, limit: 5, ascending: true }
        }
      ])
    })
  )

  it.effect("that the task declares are updated by its success, once each", () =>
    Effect.gen(function* () {
      const asset = { name: "a", uri: "s3://a" }
      const declared = Task.make({
        dagId: "dag",
        taskId: "task",
        outlets: [asset],
        run: () => Assets.updated({ ...asset, extra: { n: 1 } })
      })
      expect((yield* TestTask.run(declared)).end).toMatchObject({
        task_outlets: [{ ...asset, type: "Asset" }],
        outlet_events: [{ dest_asset_key: asset, extra: { n: 1 } }]
      })
    })
  )
})

describe("the stores", () => {
  it.effect("keep values of the task instance", () =>
    Effect.gen(function* () {
      const { made, requests, taskStore } = yield* within(
        Effect.gen(function* () {
          yield* TaskStore.set("cursor", { page: 2n }, { expiresAt: new Date("2026-01-01T00:00:00Z") })
          yield* TaskStore.set("id", 5n, { schema: Lossless.BigInt, expiresAt: "never" })
          yield* TaskStore.set("other", 1)
          yield* TaskStore.delete("other")
          yield* TaskStore.delete("old")
          const cursor = yield* TaskStore.get("cursor", Schema.Struct({ page: Schema.Int }))
          return [cursor, yield* TaskStore.get("id"), yield* Effect.flip(TaskStore.get("old"))] as const
        }),
        { taskStore: { old: 1 } }
      )
      expect(made.slice(0, 2)).toEqual([{ page: 2 }, 5])
      expect(made[2]).toMatchObject({ _tag: "NotFound", message: 'there is no stored value "old"' })
      expect(taskStore).toEqual({ cursor: { page: 2 }, id: 5 })
      expect(requests[0]).toMatchObject({ ti_id: tiId, expires_at: "2026-01-01T00:00:00.000Z" })
      expect(requests[1]).toMatchObject({ key: "id", expires_at: null })
      expect(requests[2]).not.toHaveProperty("expires_at")
      expect((yield* within(TaskStore.clear, { taskStore: { a: 1 } })).taskStore).toEqual({})
    })
  )

  it.effect("keep values of an asset, by either of its names", () =>
    Effect.gen(function* () {
      const byName = { name: "a" }
      const byUri = { uri: "s3://a" }
      const { made } = yield* within(
        Effect.gen(function* () {
          yield* AssetStore.set(byName, "mark", 5)
          yield* AssetStore.set(byUri, "id", 7n, { schema: Lossless.BigInt })
          const both = [
            yield* AssetStore.get(byUri, "mark"),
            yield* AssetStore.get(byName, "id", Lossless.BigInt)
          ]
          yield* AssetStore.delete(byName, "mark")
          yield* AssetStore.clear(byUri)
          const gone = yield* Effect.all([
            Effect.flip(AssetStore.get(byName, "mark")),
            Effect.flip(AssetStore.get(byUri, "id"))
          ])
          return [...both, ...gone.map(({ _tag }) => _tag)]
        }),
        { assets: [{ name: "a", uri: "s3://a" }] }
      )
      expect(made).toEqual([5, 7n, "NotFound", "NotFound"])
    })
  )
})

describe("ThisTask", () => {
  it.effect("tells the site of itself", () =>
    Effect.gen(function* () {
      const { end, requests } = yield* within(
        Effect.all([
          ThisTask.skipDownstream(["a", ["b", 2]]),
          ThisTask.renderedFields({ sql: "select 1", id: 12345678901234567890n, none: undefined }),
          ThisTask.renderedMapIndex("Europe"),
          ThisTask.maskSecret({ token: "t" }, "login"),
          ThisTask.inactiveAssets
        ])
      )
      expect(JSON.parse(JSON.stringify(requests))).toEqual([
        { type: "SkipDownstreamTasks", tasks: ["a", ["b", 2]] },
        {
          type: "SetRenderedFields",
          rendered_fields: { sql: "select 1", id: 12345678901234567000, none: null }
        },
        { type: "SetRenderedMapIndex", rendered_map_index: "Europe" },
        { type: "MaskSecret", value: { token: "t" }, name: "login" },
        { type: "ValidateInletsAndOutlets", ti_id: tiId }
      ])
      expect(end).toMatchObject({ rendered_map_index: "Europe" })
    })
  )
})

describe("HumanInput", () => {
  const question = { subject: "Ship it?", options: ["yes", "no"], defaults: ["no"], params: { note: "" } }
  const waits = Task.make({
    dagId: "dag",
    taskId: "task",
    run: () => HumanInput.askAndWait(question, { nextMethod: "answered", timeout: "2 hours" }),
    resume: { answered: (kwargs) => HumanInput.answerOf(kwargs) as never }
  })

  it.effect("shows a question and waits without a slot", () =>
    Effect.gen(function* () {
      const { end, requests } = yield* TestTask.run(waits)
      expect(requests).toEqual([
        {
          ...{ type: "CreateHITLDetailPayload", ti_id: tiId, subject: "Ship it?", options: ["yes", "no"] },
          ...{ body: null, defaults: ["no"], multiple: false, params: { note: "" }, assigned_users: [] }
        }
      ])
      expect(end).toEqual({
        ...{
          type: "AwaitInputTask",
          timeout: "PT7200S",
          next_method: "answered",
          next_kwargs: {},
          rendered_map_index: null
        }
      })
      const bare = Task.make({ dagId: "dag", taskId: "task", run: () => new AwaitInput({ nextMethod: "x" }) })
      expect((yield* TestTask.run(bare)).end).toMatchObject({ type: "AwaitInputTask", timeout: null })
    })
  )

  it.effect("refuses defaults that nobody could choose", () =>
    Effect.gen(function* () {
      const problem = (question: Partial<HumanInput.Question>) =>
        Effect.map(
          within(Effect.flip(HumanInput.ask({ subject: "Ship?", options: ["yes", "no"], ...question }))),
          ({ made, requests }) => [made.message, requests.length]
        )
      expect(yield* problem({ defaults: ["maybe"] })).toEqual([
        'the question "Ship?" is not what was expected: its defaults have what is no option: maybe',
        0
      ])
      expect((yield* problem({ defaults: ["yes", "no"] }))[0]).toContain("more than one default")
      yield* within(
        HumanInput.ask({ subject: "?", options: ["a", "b"], defaults: ["a", "b"], multiple: true })
      )
    })
  )

  it.effect("goes on with the answer, and fails without one", () =>
    Effect.gen(function* () {
      const event = {
        chosen_options: ["yes"],
        params_input: { note: "now" },
        responded_by_user: { id: "1", name: "Ada" },
        responded_at: PythonValue.datetime(new Date("2026-01-01T00:00:00Z")),
        timedout: false
      }
      const resume = (event: unknown) => ({ resume: { method: "answered", kwargs: { event } } })
      expect((yield* TestTask.run(waits, resume(event))).returned).toEqual({
        ...{ chosen: ["yes"], params: { note: "now" }, by: { id: "1", name: "Ada" }, timedOut: false },
        at: "2026-01-01T00:00:00.000Z"
      })
      const late = yield* TestTask.run(waits, resume({ error: "nobody answered", error_type: "timeout" }))
      expect(late.end).toMatchObject({ state: "failed" })
      expect(late.log[0]?.error_detail).toMatchObject([
        {
          exc_type: "NoAnswer",
          exc_value: "nobody answered",
          exc_notes: expect.arrayContaining(["timedOut: true"])
        }
      ])
    })
  )
})
