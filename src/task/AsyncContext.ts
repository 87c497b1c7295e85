/** AsyncContext: what an async function gets: the services of a task with promises for effects. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as AssetStore from "./AssetStore.ts"
import * as Assets from "./Assets.ts"
import type { Asking } from "./ask.ts"
import * as Connections from "./Connections.ts"
import * as DagRuns from "./DagRuns.ts"
import * as HumanInput from "./HumanInput.ts"
import type { Reads, Writes } from "./jsonValue.ts"
import { TaskContext } from "./TaskContext.ts"
import * as TaskInstances from "./TaskInstances.ts"
import * as TaskStore from "./TaskStore.ts"
import * as ThisTask from "./ThisTask.ts"
import * as Variables from "./Variables.ts"
import * as XCom from "./XCom.ts"

/** A function that gives an effect, as one that gives a promise; what it fails with, the promise is rejected with. */
type Promised<F> = F extends (...args: infer Args) => Effect.Effect<infer A, infer _E, infer _R>
  ? (...args: Args) => Promise<A>
  : F extends Effect.Effect<infer A, infer _E, infer _R>
    ? () => Promise<A>
    : never

type AllPromised<T> = { readonly [K in keyof T]: Promised<T[K]> }

type Fields = Readonly<Record<string, unknown>>
type Log = (message: string, fields?: Fields) => void

/** A connection with its secrets in the open; the task's log hides them. */
export interface PlainConnection extends Omit<Connections.Connection, "password" | "extra"> {
  readonly password: string | undefined
  readonly extra: Readonly<Record<string, unknown>>
}

const dagRuns = {
  trigger: DagRuns.trigger,
  state: DagRuns.state,
  get: DagRuns.get,
  previous: DagRuns.previous,
  previousSuccess: DagRuns.previousSuccess,
  count: DagRuns.count,
  dag: DagRuns.dag
}
const taskInstances = {
  count: TaskInstances.count,
  states: TaskInstances.states,
  previous: TaskInstances.previous,
  breadcrumbs: TaskInstances.breadcrumbs,
  firstReschedule: TaskInstances.firstReschedule
}
const assets = {
  get: Assets.get,
  ofAlias: Assets.ofAlias,
  events: Assets.events,
  eventsOfAlias: Assets.eventsOfAlias,
  consumed: Assets.consumed,
  updated: Assets.updated
}
const humanInput = {
  ask: HumanInput.ask,
  askAndWait: HumanInput.askAndWait,
  answerOf: HumanInput.answerOf
}
const thisTask = {
  skipDownstream: ThisTask.skipDownstream,
  renderedFields: ThisTask.renderedFields,
  renderedMapIndex: ThisTask.renderedMapIndex,
  maskSecret: ThisTask.maskSecret,
  inactiveAssets: ThisTask.inactiveAssets
}

interface Store<Of extends ReadonlyArray<unknown>, SetOptions> {
  get<A = unknown>(...args: [...of: Of, key: string, schema?: Reads<A>]): Promise<A>
  set<A>(
    ...args: [...of: Of, key: string, value: A, options?: SetOptions & { readonly schema?: Writes<A> }]
  ): Promise<void>
  delete(...args: [...of: Of, key: string]): Promise<void>
  clear(...args: Of): Promise<void>
}

/** All that a task can know and ask. `P` is what its `params` schema gives. */
export interface AsyncContext<P>
  extends Omit<TaskContext["Service"], "params">,
    AllPromised<typeof thisTask> {
  readonly params: P
  /** Aborted when the task shall end: give it to `fetch` and the like. */
  readonly signal: AbortSignal
  readonly log: {
    readonly debug: Log
    readonly info: Log
    readonly warning: Log
    readonly error: (message: unknown, fields?: Fields) => void
  }
  readonly xcom: {
    /** Undefined where there is none. */
    get<A = unknown>(from: XCom.From, schema?: Reads<A>): Promise<A | undefined>
    getAll<A = unknown>(
      from: Omit<XCom.From, "mapIndex"> & { readonly slice?: XCom.Slice },
      schema?: Reads<A>
    ): Promise<ReadonlyArray<A>>
    getItem<A = unknown>(
      from: Omit<XCom.From, "mapIndex" | "includePriorDates"> & { readonly offset: number },
      schema?: Reads<A>
    ): Promise<A>
    count(from: Omit<XCom.From, "mapIndex" | "includePriorDates">): Promise<number>
    push<A>(key: string, value: A, schema?: Writes<A>): Promise<void>
    delete(from: Omit<XCom.From, "includePriorDates">): Promise<void>
  }
  readonly variables: {
    /** Undefined where there is none. */
    get(key: string): Promise<string | undefined>
    get<A>(key: string, schema: Reads<A>): Promise<A | undefined>
    put(key: string, text: string, options?: { readonly description?: string }): Promise<void>
    putJson<A>(
      key: string,
      value: A,
      options?: { readonly description?: string; readonly schema?: Writes<A> }
    ): Promise<void>
    delete(key: string): Promise<void>
    keys(prefix?: string): Promise<ReadonlyArray<string>>
  }
  readonly connections: { get(id: string): Promise<PlainConnection> }
  readonly dagRuns: AllPromised<typeof dagRuns>
  readonly taskInstances: AllPromised<typeof taskInstances>
  readonly assets: AllPromised<typeof assets>
  readonly humanInput: AllPromised<typeof humanInput>
  readonly taskStore: Store<[], { readonly expiresAt?: Date | "never" }>
  readonly assetStore: Store<[of: Assets.AssetRef], unknown>
}

const plain = ({ extra, password, ...rest }: Connections.Connection): PlainConnection => ({
  ...rest,
  password: password === undefined ? undefined : Redacted.value(password),
  extra: Redacted.value(extra)
})

/** The context of the attempt that runs, still without its signal. */
export const asyncContext = Effect.fnUntraced(function* <P>(params: P) {
  const context = yield* TaskContext
  const services = yield* Effect.context<Asking>()
  const run = Effect.runPromiseWith(services)
  const runSync = Effect.runSyncWith(services)

  /** Every effect and every function to an effect, with promises. */
  const promised = <T extends object>(effects: T): AllPromised<T> =>
    Object.fromEntries(
      Object.entries(effects).map(([name, effect]) => [
        name,
        Effect.isEffect(effect)
          ? () => run(effect as Effect.Effect<unknown, unknown, Asking>)
          : (...args: ReadonlyArray<unknown>) => run(effect(...args))
      ])
    ) as never // the mapped type says what each becomes

  const log =
    (write: (...message: ReadonlyArray<unknown>) => Effect.Effect<void>) =>
    (message: unknown, fields: Fields = {}) =>
      runSync(write(message, fields))
  const orUndefined = <A, E>(effect: Effect.Effect<Option.Option<A>, E, Asking>) =>
    run(Effect.map(effect, Option.getOrUndefined))

  return (signal: AbortSignal): AsyncContext<P> => ({
    ...context,
    ...promised(thisTask),
    params,
    signal,
    log: {
      debug: log(Effect.logDebug),
      info: log(Effect.logInfo),
      warning: log(Effect.logWarning),
      error: log(Effect.logError)
    },
    xcom: {
      get: (from, schema) => orUndefined(XCom.getOption(from, schema)),
      getAll: (from, schema) => run(XCom.getAll(from, schema)),
      getItem: (from, schema) => run(XCom.getItem(from, schema)),
      count: (from) => run(XCom.count(from)),
      push: (key, value, schema) => run(XCom.push(key, value, schema)),
      delete: (from) => run(XCom.delete(from))
    },
    variables: {
      get: <A>(key: string, schema?: Reads<A>) =>
        orUndefined(
          schema === undefined
            ? (Variables.getOption(key) as ReturnType<typeof Variables.getOption<A>>)
            : Variables.getOption(key, schema)
        ),
      put: (key, text, options) => run(Variables.put(key, text, options)),
      putJson: (key, value, options) => run(Variables.putJson(key, value, options)),
      delete: (key) => run(Variables.delete(key)),
      keys: (prefix) => run(Variables.keys(prefix))
    },
    connections: { get: (id) => run(Effect.map(Connections.get(id), plain)) },
    dagRuns: promised(dagRuns),
    taskInstances: promised(taskInstances),
    assets: promised(assets),
    humanInput: promised(humanInput),
    taskStore: {
      get: (key, schema) => run(TaskStore.get(key, schema)),
      set: (key, value, options) => run(TaskStore.set(key, value, options)),
      delete: (key) => run(TaskStore.delete(key)),
      clear: () => run(TaskStore.clear)
    },
    assetStore: {
      get: (of, key, schema) => run(AssetStore.get(of, key, schema)),
      set: (of, key, value, options) => run(AssetStore.set(of, key, value, options)),
      delete: (of, key) => run(AssetStore.delete(of, key)),
      clear: (of) => run(AssetStore.clear(of))
    }
  })
})
