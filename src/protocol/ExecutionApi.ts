/** The Execution API, declared once: what a task's supervisor says to the central site, and what it hears. */

import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as Schema from "effect/Schema"
import { AssetEventsGroup, AssetsGroup } from "./execution/Assets.ts"
import { DagRunsGroup, DagsGroup } from "./execution/DagRuns.ts"
import { HitlGroup } from "./execution/Hitl.ts"
import { AssetStoreGroup, TaskStoreGroup } from "./execution/Stores.ts"
import { TaskInstancesGroup, TaskReschedulesGroup } from "./execution/TaskInstances.ts"
import { ConnectionsGroup, VariablesGroup } from "./execution/VariablesAndConnections.ts"
import { XComsGroup } from "./execution/XComs.ts"

/** `health`: needs no token. */
export class ExecutionHealthGroup extends HttpApiGroup.make("executionHealth").add(
  HttpApiEndpoint.get("health", "/health", { success: Schema.Record(Schema.String, Schema.Unknown) })
) {}

/**
 * The Execution API of Airflow 3.3.2 in its version 2026-06-30, but for the tests of connections, which never reach an
 * edge worker. Its base URL is `[core] execution_api_server_url`: `https://site/execution/`.
 */
export class ExecutionApi extends HttpApi.make("execution").add(
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
) {}
