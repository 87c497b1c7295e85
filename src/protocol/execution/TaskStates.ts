/** TaskStates: what a supervisor says when its task ends, waits or comes back later. */
import * as Schema from "effect/Schema"
import { Float, JsonObject } from "./ExactJson.ts"
import { maybe, Period, Time } from "./parts.ts"

/** `AssetProfile` */
export const AssetProfile = Schema.Struct({
  name: maybe(Schema.String),
  uri: maybe(Schema.String),
  type: Schema.String
})
export type AssetProfile = typeof AssetProfile.Type

/** `TISuccessStatePayload`. The lists may be left out, never null. */
export const Succeeded = Schema.Struct({
  state: Schema.Literal("success"),
  end_date: Time,
  task_outlets: Schema.optionalKey(Schema.Array(AssetProfile)),
  outlet_events: Schema.optionalKey(Schema.Array(JsonObject)),
  rendered_map_index: maybe(Schema.String)
})

/** `TITerminalStatePayload` */
export const Ended = Schema.Struct({
  state: Schema.Literals(["failed", "skipped", "removed", "upstream_failed"]),
  end_date: Time,
  rendered_map_index: maybe(Schema.String)
})

/** `TIRetryStatePayload`: the site archives the try; the next one has another task instance id. */
export const UpForRetry = Schema.Struct({
  state: Schema.Literal("up_for_retry"),
  end_date: Time,
  rendered_map_index: maybe(Schema.String),
  /** Instead of the task's own delay. */
  retry_delay_seconds: maybe(Float),
  /** The site keeps 500 characters. */
  retry_reason: maybe(Schema.String)
})

/** `TIDeferredStatePayload`: a trigger waits in the triggerer; the task comes back as a new workload. */
export const Deferred = Schema.Struct({
  state: Schema.Literal("deferred"),
  classpath: Schema.String,
  /** A text is encrypted. */
  trigger_kwargs: Schema.optionalKey(Schema.Union([JsonObject, Schema.String])),
  trigger_timeout: maybe(Period),
  queue: maybe(Schema.String),
  next_method: Schema.String,
  next_kwargs: Schema.optionalKey(JsonObject),
  rendered_map_index: maybe(Schema.String)
})

/** `TIRescheduleStatePayload`: the same try comes back at that date. */
export const UpForReschedule = Schema.Struct({
  state: Schema.Literal("up_for_reschedule"),
  reschedule_date: Time,
  end_date: Time
})

/** `TIAwaitingInputStatePayload`: a person has to answer; the question was asked with `hitlDetails`. */
export const AwaitingInput = Schema.Struct({
  state: Schema.Literal("awaiting_input"),
  timeout: maybe(Period),
  next_method: Schema.String,
  next_kwargs: Schema.optionalKey(JsonObject),
  rendered_map_index: maybe(Schema.String)
})

/** The body of `PATCH …/state` (Airflow 3.3.2, `datamodels/taskinstance.py`). */
export const TaskStateBody = Schema.Union([
  Succeeded,
  Ended,
  UpForRetry,
  Deferred,
  UpForReschedule,
  AwaitingInput
])
export type TaskStateBody = typeof TaskStateBody.Type
