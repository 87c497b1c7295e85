/** DagRuns: what a task asks about its own run and about other Dags, and how it starts another run. */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { BadRequest, Conflict, NotFound } from "../EdgeApi.ts"
import { exact, JsonObject } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { maybe, ofRun, TaskUnprocessable, Time } from "./parts.ts"
import { DagRun, DagRunState } from "./RunContext.ts"

const aRun = "/dag-runs/:dag_id/:run_id" as const
const several = Schema.optionalKey(Schema.Array(Schema.String))
const nothing = HttpApiSchema.NoContent
const always = TaskUnprocessable

/** `TriggerDAGRunPayload` */
export const TriggerBody = Schema.Struct({
  logical_date: maybe(Time),
  run_after: maybe(Time),
  conf: Schema.optionalKey(JsonObject),
  reset_dag_run: Schema.optionalKey(Schema.Boolean),
  partition_key: maybe(Schema.String),
  note: maybe(Schema.String)
})
export type TriggerBody = typeof TriggerBody.Type

/** `DagResponse`: nothing of what a Dag's tasks are configured with. */
export const DagResponse = Schema.Struct({
  dag_id: Schema.String,
  is_paused: Schema.Boolean,
  bundle_name: Schema.NullOr(Schema.String),
  bundle_version: Schema.NullOr(Schema.String),
  relative_fileloc: Schema.NullOr(Schema.String),
  owners: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String),
  next_dagrun: Schema.NullOr(Time)
})
export type DagResponse = typeof DagResponse.Type

/** `dag-runs/…` */
export class DagRunsGroup extends HttpApiGroup.make("dagRuns")
  .add(
    HttpApiEndpoint.get("get", aRun, { params: ofRun, success: exact(DagRun), error: [NotFound, always] }),
    /** 409: there is a run of that name. */
    HttpApiEndpoint.post("trigger", aRun, {
      params: ofRun,
      payload: exact(TriggerBody),
      success: nothing,
      error: [BadRequest, NotFound, Conflict, always]
    }),
    HttpApiEndpoint.post("clear", `${aRun}/clear`, {
      params: ofRun,
      success: nothing,
      error: [BadRequest, NotFound, always]
    }),
    HttpApiEndpoint.get("state", `${aRun}/state`, {
      params: ofRun,
      success: Schema.Struct({ state: DagRunState }),
      error: [NotFound, always]
    }),
    HttpApiEndpoint.get("count", "/dag-runs/count", {
      query: {
        dag_id: Schema.String,
        logical_dates: Schema.optionalKey(Schema.Array(Time)),
        run_ids: several,
        states: several
      },
      success: Schema.Int,
      error: always
    }),
    HttpApiEndpoint.get("previous", "/dag-runs/previous", {
      query: { dag_id: Schema.String, logical_date: Time, state: Schema.optionalKey(DagRunState) },
      success: exact(Schema.NullOr(DagRun)),
      error: always
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}

/** `dags/…` */
export class DagsGroup extends HttpApiGroup.make("dags")
  .add(
    HttpApiEndpoint.get("get", "/dags/:dag_id", {
      params: { dag_id: Schema.String },
      success: DagResponse,
      error: [NotFound, always]
    })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
