/** ServedExecutionApi: the Execution API as a central serves it: at Airflow's paths, with its refusals declared. */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as OpenApi from "effect/http-api/OpenApi"
import { Unavailable } from "../protocol/CentralApi.ts"
import { ExecutionHealthGroup } from "../protocol/ExecutionApi.ts"
import { AssetEventsGroup, AssetsGroup } from "../protocol/execution/Assets.ts"
import { DagRunsGroup, DagsGroup } from "../protocol/execution/DagRuns.ts"
import { executionApiVersion } from "../protocol/execution/ExecutionToken.ts"
import { HitlGroup } from "../protocol/execution/Hitl.ts"
import { TaskUnprocessable } from "../protocol/execution/parts.ts"
import { AssetStoreGroup, TaskStoreGroup } from "../protocol/execution/Stores.ts"
import { TaskInstancesGroup, TaskReschedulesGroup } from "../protocol/execution/TaskInstances.ts"
import { ConnectionsGroup, VariablesGroup } from "../protocol/execution/VariablesAndConnections.ts"
import { XComsGroup } from "../protocol/execution/XComs.ts"

/** Says what does not fit as FastAPI does, and declares what any call may meet. */
export class ExecutionRefusals extends HttpApiMiddleware.Service<ExecutionRefusals>()(
  "edge-worker/central/ExecutionRefusals",
  { error: [TaskUnprocessable, Unavailable] }
) {}

/** What `edge-worker central` serves to the supervisors of Python tasks. */
export class ServedExecutionApi extends HttpApi.make("execution")
  .add(
    TaskInstancesGroup,
    TaskReschedulesGroup,
    XComsGroup,
    VariablesGroup,
    ConnectionsGroup,
    DagRunsGroup,
    DagsGroup,
    AssetsGroup,
    AssetEventsGroup,
    TaskStoreGroup,
    AssetStoreGroup,
    HitlGroup,
    ExecutionHealthGroup
  )
  .middleware(ExecutionRefusals)
  .prefix("/execution")
  .annotateMerge(
    OpenApi.annotations({ title: "Airflow Task Execution API", version: executionApiVersion })
  ) {}
