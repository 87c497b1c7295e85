/** Task: a task in TypeScript, under the names that its Dag gives it: `@task.stub` in Python, this here. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type AsyncContext, asyncContext } from "./AsyncContext.ts"
import { type Reads, read, toJson, type Writes, write } from "./jsonValue.ts"
import { runAsync } from "./runAsync.ts"
import type { TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import type { UnexpectedValue } from "./TaskRequestFailed.ts"

/** What a task's effect may ask for; layers of its own it provides itself. */
export type TaskServices = TaskContext | TaskClient | Scope.Scope

/** A JSON object. */
type Json = Readonly<Record<string, unknown>>

/** An asset of the Dag. */
export interface AssetName {
  readonly name: string
  readonly uri: string
}

/** A task that can be run; `make` and `fromAsync` make them. */
export interface Task {
  readonly dagId: string
  readonly taskId: string
  /** What the run's `conf` is laid over. */
  readonly defaults: Json
  readonly outlets: ReadonlyArray<AssetName>
  /** Whether what it returns becomes its XCom `return_value`. */
  readonly pushResult: boolean
  /** Whether a downstream `.expand()` depends on what it returns; undefined where that is not said. */
  readonly mapped: boolean | undefined
  /** What it does from the beginning, and where it goes on; both give what it returns, not yet as JSON. */
  readonly run: Effect.Effect<unknown, unknown, TaskServices>
  readonly resume: Readonly<Record<string, (kwargs: Json) => Effect.Effect<unknown, unknown, TaskServices>>>
  /** What it returned as JSON, through its schema; undefined where nothing. */
  readonly encode: (result: unknown) => Effect.Effect<unknown, UnexpectedValue>
}

interface Options<P, A> {
  readonly dagId: string
  /** With the names of its groups, as Airflow shows it: `group.task`. */
  readonly taskId: string
  /** What it takes; reads the run's `conf`, laid over `defaults`. */
  readonly params?: Reads<P>
  readonly defaults?: Json
  /** What it returns. Without one, that must be plain JSON; a bigint becomes an integer. */
  readonly output?: Writes<A>
  /** False keeps what it returns from becoming its XCom `return_value`. */
  readonly pushResult?: boolean
  /**
   * True where a downstream task expands over what it returns: anything but an array or object, or more of them than the
   * site's `[core] max_map_length`, then fails the task. Without it the length is told where the site takes it.
   */
  readonly mapped?: boolean
  /** The assets of the Dag that it updates when it succeeds. */
  readonly outlets?: ReadonlyArray<AssetName>
}

/** How a task in Effect is made. */
export interface EffectOptions<P, A> extends Options<P, A> {
  readonly run: (params: P) => Effect.Effect<A, unknown, TaskServices>
  /** Where it goes on after `Defer` and `AwaitInput`, by `nextMethod`. */
  readonly resume?: Readonly<
    Record<string, (kwargs: Json, params: P) => Effect.Effect<A, unknown, TaskServices>>
  >
}

/** How a task of async functions is made. */
export interface AsyncOptions<P, A> extends Options<P, A> {
  readonly run: (context: AsyncContext<P>) => Promise<A>
  /** Where it goes on after `Defer` and `AwaitInput`, by `nextMethod`. */
  readonly resume?: Readonly<Record<string, (context: AsyncContext<P>, kwargs: Json) => Promise<A>>>
}

const paramsOf = <P, A>({ params }: Options<P, A>): Effect.Effect<P, UnexpectedValue, TaskContext> =>
  TaskContext.use((context) =>
    params === undefined
      ? // without a schema P is a JSON object, which the context has
        Effect.succeed(context.params as P)
      : read("the run's conf", params, context.params)
  )

const common = <P, A>(options: Options<P, A>) => {
  const { output } = options
  const what = "what the task returned"
  return {
    dagId: options.dagId,
    taskId: options.taskId,
    defaults: options.defaults ?? {},
    outlets: options.outlets ?? [],
    pushResult: options.pushResult ?? true,
    mapped: options.mapped,
    encode: (result: unknown) =>
      output === undefined || result === undefined ? toJson(what, result) : write(what, output, result as A)
  }
}

const mapValues = <A, B>(record: Readonly<Record<string, A>> = {}, change: (value: A) => B) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

/** A task whose work is an effect. It may need the services of its attempt, and a scope that ends with its try. */
export const make = <A, P = Json>(options: EffectOptions<P, A>): Task => ({
  ...common(options),
  run: Effect.flatMap(paramsOf(options), options.run),
  resume: mapValues(
    options.resume,
    (resume) => (kwargs: Json) => Effect.flatMap(paramsOf(options), (params) => resume(kwargs, params))
  )
})

/** A task whose work is an async function. Its `signal` is aborted when the task shall end. */
export const fromAsync = <A, P = Json>(options: AsyncOptions<P, A>): Task => {
  const calling = (run: (context: AsyncContext<P>) => Promise<A>) =>
    Effect.gen(function* () {
      const params = yield* paramsOf(options)
      const context = yield* asyncContext(params)
      return yield* runAsync((signal) => run(context(signal)))
    })
  return {
    ...common(options),
    run: calling(options.run),
    resume: mapValues(
      options.resume,
      (resume) => (kwargs: Json) => calling((context) => resume(context, kwargs))
    )
  }
}
