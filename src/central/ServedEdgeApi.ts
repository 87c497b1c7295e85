/** ServedEdgeApi: the Edge API as a central serves it: at Airflow's paths, with its refusals declared. */

import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Unavailable } from "../protocol/CentralApi.ts"
import {
  BadRequest,
  Conflict,
  EdgeToken,
  Forbidden,
  JobsGroup,
  LogsGroup,
  MonitorGroup,
  NotFound,
  Unprocessable,
  WorkerGroup
} from "../protocol/EdgeApi.ts"

const Names = Schema.NullOr(Schema.Array(Schema.String))

/** `WorkerQueueUpdateBody` (edge3 5.1.0): what no worker of today sends, but Airflow's API has. */
export class QueuesGroup extends HttpApiGroup.make("queues")
  .add(
    HttpApiEndpoint.patch("update", "/worker/queues/:worker_name", {
      params: { worker_name: Schema.String },
      payload: Schema.Struct({ new_queues: Names, remove_queues: Names }),
      success: Schema.Unknown,
      error: [BadRequest, NotFound]
    })
  )
  .middleware(EdgeToken) {}

/** Says what does not fit as FastAPI does, and declares what any call may meet. */
export class EdgeRefusals extends HttpApiMiddleware.Service<EdgeRefusals>()(
  "edge-worker/central/EdgeRefusals",
  {
    error: [Unprocessable, Forbidden, Conflict, Unavailable]
  }
) {}

/** What `edge-worker central` serves to workers. */
export class ServedEdgeApi extends HttpApi.make("edge")
  .add(WorkerGroup, QueuesGroup, JobsGroup, LogsGroup, MonitorGroup)
  .middleware(EdgeRefusals)
  .prefix("/edge_worker/v1")
  .annotateMerge(OpenApi.annotations({ title: "Airflow Edge Worker API", version: "5.1.0" })) {}
