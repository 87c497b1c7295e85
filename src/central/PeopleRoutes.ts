/** PeopleRoutes: everything of the central that people and their scripts use besides its own API. */
import * as Layer from "effect/Layer"
import * as AuthRoutes from "./AuthRoutes.ts"
import * as ManagementHandlers from "./ManagementHandlers.ts"
import { Operations } from "./Operations.ts"
import * as UiActions from "./ui/UiActions.ts"
import * as UiRoutes from "./ui/UiRoutes.ts"

/** Airflow's management API, `/auth/**`, the pages and what they load. */
export const layer = Layer.mergeAll(
  AuthRoutes.layer,
  ManagementHandlers.layer,
  UiActions.layer,
  UiRoutes.layer
).pipe(Layer.provide(Operations.layer))
