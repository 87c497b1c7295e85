/** parts: what the operations of the Execution API share: times, ids, refusals. */
import * as Schema from "effect/Schema"
import { ValidationErrors } from "../EdgeApi.ts"

/** A date and time in ISO 8601. */
export const Time = Schema.String.check(
  Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)), { description: "a date and time" })
)

/** ISO 8601, such as `PT1H30M`. */
export const Period = Schema.String

export const Id = Schema.String.check(Schema.isGUID())
export const Key = Schema.String.check(Schema.isMinLength(1))

/** May be left out or null: FastAPI's `X | None = None`. */
export const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** A path below one task instance. */
export const ofTask = { task_instance_id: Id }

/** A path below one run. */
export const ofRun = { dag_id: Schema.String, run_id: Schema.String }

const Detail = Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Unknown)])

/** 410: the task instance was archived: it was cleared, or its next try has begun. */
export class Gone extends Schema.Error<Gone>("Gone")(
  { _tag: Schema.tagDefaultOmit("Gone"), detail: Detail },
  { httpApiStatus: 410 }
) {}

/** 422: FastAPI could not make sense of the request, or the API refuses what it says. */
export class TaskUnprocessable extends Schema.Error<TaskUnprocessable>("TaskUnprocessable")(
  {
    _tag: Schema.tagDefaultOmit("TaskUnprocessable"),
    detail: Schema.optionalKey(
      Schema.Union([Schema.String, ValidationErrors, Schema.Record(Schema.String, Schema.Unknown)])
    )
  },
  { httpApiStatus: 422 }
) {}
