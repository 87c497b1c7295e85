/** Hitl: what a task asks a person (human in the loop). */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { exact, JsonObject } from "./ExactJson.ts"
import { ExecutionToken, ExecutionVersion } from "./ExecutionToken.ts"
import { Id, maybe, ofTask, TaskUnprocessable, Time } from "./parts.ts"

const User = Schema.Struct({ id: Schema.String, name: Schema.String })
const Options = Schema.Array(Schema.String)

/** `HITLDetailRequest` */
export const Question = Schema.Struct({
  ti_id: Id,
  options: Options,
  subject: Schema.String,
  body: maybe(Schema.String),
  defaults: maybe(Options),
  multiple: Schema.optionalKey(Schema.Boolean),
  params: Schema.optionalKey(JsonObject),
  assigned_users: Schema.optionalKey(Schema.Array(User))
})
export type Question = typeof Question.Type

/** `HITLDetailResponse` */
export const Answer = Schema.Struct({
  response_received: Schema.Boolean,
  responded_by_user: maybe(User),
  responded_at: Schema.NullOr(Time),
  chosen_options: Schema.NullOr(Options),
  params_input: Schema.optionalKey(JsonObject)
})
export type Answer = typeof Answer.Type

const aQuestion = "/hitlDetails/:task_instance_id" as const
const error = TaskUnprocessable

/** `hitlDetails/…` */
export class HitlGroup extends HttpApiGroup.make("hitl")
  .add(
    HttpApiEndpoint.post("ask", aQuestion, {
      params: ofTask,
      payload: exact(Question),
      success: exact(Question).pipe(HttpApiSchema.status(201)),
      error
    }),
    /** What was chosen in time, or by default. */
    HttpApiEndpoint.patch("answer", aQuestion, {
      params: ofTask,
      payload: exact(
        Schema.Struct({ ti_id: Id, chosen_options: Options, params_input: Schema.optionalKey(JsonObject) })
      ),
      success: exact(Answer),
      error
    }),
    HttpApiEndpoint.get("get", aQuestion, { params: ofTask, success: exact(Answer), error })
  )
  .middleware(ExecutionVersion)
  .middleware(ExecutionToken) {}
