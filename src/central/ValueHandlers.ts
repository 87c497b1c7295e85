/** ValueHandlers: the central's answers to tasks that want a variable or a connection. */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { caller } from "./ExecutionAccess.ts"
import { absent, denied, unavailable } from "./ExecutionAnswers.ts"
import { ServedExecutionApi } from "./ServedExecutionApi.ts"
import { SiteValues } from "./SiteValues.ts"
import { writerOf } from "./TaskRules.ts"

const stores = { RepositoryUnavailable: unavailable, SiteFileUnusable: unavailable } as const
/** Only a task that runs changes anything. */
const refusals = { ...stores, TaskUnknown: denied, TaskConflict: denied, VariableFixed: denied } as const

export const variables = HttpApiBuilder.group(
  ServedExecutionApi,
  "variables",
  Effect.fnUntraced(function* (group) {
    const values = yield* SiteValues
    return group.handleAll({
      keys: Effect.fnUntraced(function* ({ query: { limit = 1000, offset = 0, prefix = "" } }) {
        yield* caller
        const keys = (yield* values.variableKeys).filter((key) => key.startsWith(prefix))
        return { keys: keys.slice(offset, offset + limit), total_entries: keys.length }
      }, Effect.catchTags(stores)),
      get: Effect.fnUntraced(function* ({ params: { variable_key: key } }) {
        yield* caller
        const found = yield* values.variable(key)
        if (found === undefined) return yield* absent(`Variable with key '${key}' not found`)
        return { key, value: found.value }
      }, Effect.catchTags(stores)),
      put: Effect.fnUntraced(function* ({ params: { variable_key: key }, payload }) {
        const writer = writerOf(yield* caller)
        yield* values.setVariable(key, payload.val, payload.description ?? null, writer)
        return { message: "Variable successfully set" }
      }, Effect.catchTags(refusals)),
      remove: Effect.fnUntraced(function* ({ params: { variable_key: key } }) {
        const removed = yield* values.removeVariable(key, writerOf(yield* caller))
        if (!removed) return yield* absent(`Variable with key '${key}' not found`)
      }, Effect.catchTags(refusals))
    })
  })
)

export const connections = HttpApiBuilder.group(
  ServedExecutionApi,
  "connections",
  Effect.fnUntraced(function* (group) {
    const values = yield* SiteValues
    return group.handleAll({
      get: Effect.fnUntraced(function* ({ params: { connection_id: id } }) {
        yield* caller
        return (yield* values.connection(id)) ?? (yield* absent(`Connection with ID ${id} not found`))
      }, Effect.catchTags(stores))
    })
  })
)
