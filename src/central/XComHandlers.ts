/** XComHandlers: the central's answers to who leaves a value and who looks for one. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { HttpApiSchema } from "effect/http-api"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Result from "effect/Result"
import { BadRequest, Forbidden } from "../protocol/EdgeApi.ts"
import { contentRange } from "../protocol/execution/XComs.ts"
import { caller } from "./ExecutionAccess.ts"
import { absent, denied, json, unavailable } from "./ExecutionAnswers.ts"
import type { JobRecord } from "./JobRecord.ts"
import { Repository } from "./Repository.ts"
import { ServedExecutionApi } from "./ServedExecutionApi.ts"
import { alive } from "./TaskRules.ts"
import type { XComKey, XComRecord } from "./XComRecord.ts"
import { itemAt, newest, newestOfEach, sliced } from "./XComs.ts"

/** `[core] max_map_length` of Airflow 3.3.2. */
const longestMap = 1024

/** The XComs of a path. */
type Path = Omit<XComKey, "map_index">

const missing = ({ dag_id, key, run_id, task_id }: Path) =>
  absent(`XCom with key='${key}' not found for task '${task_id}' in DAG run '${run_id}' of '${dag_id}'`)

/** With the value as it was written. */
const shown = ({ key, value }: XComRecord) => json(`{"key":${JSON.stringify(key)},"value":${value}}`)

const notOwn = new Forbidden({
  detail: { reason: "access_denied", message: "a task writes its own XComs only" }
})

const refusals = { TaskUnknown: denied, TaskConflict: denied, RepositoryUnavailable: unavailable } as const

export const xcoms = HttpApiBuilder.group(
  ServedExecutionApi,
  "xcoms",
  Effect.fnUntraced(function* (group) {
    const repository = yield* Repository
    /** Of the run; or, where prior ones count too, of all of the Dag's runs. */
    const find = ({ dag_id, key, run_id, task_id }: Path, prior: boolean | undefined, map_index?: number) =>
      repository.xcoms({ dag_id, task_id, key, map_index, ...(prior ? {} : { run_id }) })
    /** A task leaves values of its own only, and only as long as it runs. */
    const writerOf = ({ dag_id, run_id, task_id }: Path) =>
      Effect.map(caller, (id) => ({
        taskInstanceId: id,
        may: (job: JobRecord | undefined) =>
          Result.flatMap(alive(job, id), ({ key }) =>
            key.dag_id === dag_id && key.run_id === run_id && key.task_id === task_id
              ? Result.succeed(key)
              : Result.fail(notOwn)
          )
      }))
    return group.handleAll({
      get: Effect.fnUntraced(
        function* ({ params, query: { include_prior_dates, map_index = -1, offset } }) {
          yield* caller
          const at = offset === undefined ? map_index : undefined
          const found = yield* find(params, include_prior_dates, at)
          const xcom =
            offset === undefined
              ? newest(found)
              : itemAt(
                  newestOfEach(found).filter(({ value }) => value !== "null"),
                  offset
                )
          return shown(xcom ?? (yield* missing(params)))
        },
        Effect.catchTag("RepositoryUnavailable", unavailable)
      ),
      set: Effect.fnUntraced(function* ({ params, query: { map_index = -1, mapped_length } }) {
        const writer = yield* writerOf(params)
        if (mapped_length !== undefined && mapped_length > longestMap)
          return yield* new BadRequest({
            detail: {
              reason: "unmappable_return_value_length",
              message: "pushed value is too large to map as a downstream's dependency"
            }
          })
        // What the declaration has read is JSON; what is kept is its text.
        const text = yield* Effect.orDie((yield* HttpServerRequest).text)
        const value = text.trim() === "" ? "null" : text
        const storedAt = yield* Clock.currentTimeMillis
        yield* repository.putXCom({ ...params, map_index, value, storedAt }, writer)
        return { message: "XCom successfully set" }
      }, Effect.catchTags(refusals)),
      remove: Effect.fnUntraced(function* ({ params, query: { map_index = -1 } }) {
        yield* repository.removeXCom({ ...params, map_index }, yield* writerOf(params))
        return { message: `XCom with key: ${params.key} successfully deleted.` }
      }, Effect.catchTags(refusals)),
      count: Effect.fnUntraced(
        function* ({ params, query: { map_index } }) {
          yield* caller
          if (map_index !== undefined)
            return yield* new BadRequest({
              detail: { reason: "invalid_request", message: "Cannot specify map_index in a HEAD request" }
            })
          const { dag_id, key, run_id, task_id } = params
          const found = yield* repository.countXComs({ dag_id, run_id, task_id, key })
          return HttpApiSchema.withHeaders({
            body: undefined,
            headers: { "content-range": contentRange(found) }
          })
        },
        Effect.catchTag("RepositoryUnavailable", unavailable)
      ),
      item: Effect.fnUntraced(
        function* ({ params: { offset, ...path } }) {
          yield* caller
          const xcom = itemAt(yield* find(path, false), offset)
          return json((xcom ?? (yield* missing(path))).value)
        },
        Effect.catchTag("RepositoryUnavailable", unavailable)
      ),
      slice: Effect.fnUntraced(
        function* ({ params, query: { include_prior_dates, ...range } }) {
          yield* caller
          const found = newestOfEach(yield* find(params, include_prior_dates))
          return json(
            `[${sliced(found, range)
              .map(({ value }) => value)
              .join(",")}]`
          )
        },
        Effect.catchTag("RepositoryUnavailable", unavailable)
      )
    })
  })
)
