/** ExecutionRoutes: the routes below `/execution/`, for the supervisors of Python tasks. */
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import { TaskUnprocessable } from "../protocol/execution/parts.ts"
import * as ExecutionAccess from "./ExecutionAccess.ts"
import { unprocessable } from "./RequestRefused.ts"
import { assetEvents, assetStore, assets, dagRuns, dags, health, hitl, taskStore } from "./RunHandlers.ts"
import { ExecutionRefusals, ServedExecutionApi } from "./ServedExecutionApi.ts"
import { SiteValues } from "./SiteValues.ts"
import { taskInstances, taskReschedules } from "./TaskHandlers.ts"
import { Tasks } from "./Tasks.ts"
import { connections, variables } from "./ValueHandlers.ts"
import { xcoms } from "./XComHandlers.ts"

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(ExecutionRefusals, (error) => {
  const told = unprocessable(error)
  return Effect.fail(told === undefined ? error : new TaskUnprocessable({ detail: told.detail ?? [] }))
})

export const layer = HttpApiBuilder.layer(ServedExecutionApi, {
  openapiPath: "/execution/openapi.json"
}).pipe(
  Layer.provide([taskInstances, taskReschedules, xcoms, variables, connections, dagRuns, dags]),
  Layer.provide([assets, assetEvents, taskStore, assetStore, hitl, health]),
  Layer.provide([ExecutionAccess.layer, refusals]),
  Layer.provide([Tasks.layer, SiteValues.layer])
)
