/** XComBackend: what becomes of a task's XComs on their way to the site and back. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** Which XCom it is. */
export interface XComPlace {
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly map_index: number
  readonly key: string
}

/** A value could not be stored, read or removed; the task's request fails with it. */
export class XComBackendFailed extends Schema.TaggedError<XComBackendFailed>()("XComBackendFailed", {
  /** What is wrong, for the task; holds no secret. */
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/**
 * What Airflow's `[core] xcom_backend` is for Python tasks. A program of tasks can provide its own, which then replaces
 * `layer`. Values are JSON as `protocol/Json` reads it.
 */
export class XComBackend extends Context.Service<
  XComBackend,
  {
    /** What the site stores for the value, such as the place where the backend has put it. */
    readonly serialize: (value: unknown, place: XComPlace) => Effect.Effect<unknown, XComBackendFailed>
    /** The value for what the site has stored. */
    readonly deserialize: (stored: unknown, place: XComPlace) => Effect.Effect<unknown, XComBackendFailed>
    /** Removes what `serialize` has put elsewhere; the site forgets the XCom afterwards. */
    readonly purge: (stored: unknown, place: XComPlace) => Effect.Effect<void, XComBackendFailed>
  }
>()("edge-worker/runner/attempt/XComBackend") {
  /** Values lie at the site as they are. */
  static readonly layer = Layer.succeed(XComBackend, {
    serialize: Effect.succeed,
    deserialize: Effect.succeed,
    purge: () => Effect.void
  })
}
