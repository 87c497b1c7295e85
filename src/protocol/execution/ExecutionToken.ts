/** ExecutionToken: who speaks in the Execution API, and in which version of it. */
import * as Context from "effect/Context"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { Forbidden } from "../EdgeApi.ts"
import { Unauthorized } from "../ManagementApi.ts"

/** The version that is declared here, the newest of Airflow 3.3.2 (`execution_api/versions/__init__.py`). */
export const executionApiVersion = "2026-06-30"

/** The header of an answer that brings the next token of the task; the newest is the one to use. */
export const refreshedToken = "refreshed-api-token"

/** The task instance whose token came along; one of scope `workload` is good for `run` only. */
export class TokenTask extends Context.Service<
  TokenTask,
  { readonly id: string; readonly scope: "workload" | "execution" }
>()("edge-worker/protocol/TokenTask") {}

/** Reads and writes `Authorization: Bearer …`: the task's own token, first that of its workload. */
export class ExecutionToken extends HttpApiMiddleware.Service<ExecutionToken, { provides: TokenTask }>()(
  "edge-worker/protocol/ExecutionToken",
  {
    requiredForClient: true,
    security: { token: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden]
  }
) {}

/** Says with each request which version is meant. */
export class ExecutionVersion extends HttpApiMiddleware.Service<ExecutionVersion>()(
  "edge-worker/protocol/ExecutionVersion",
  { requiredForClient: true }
) {}

/** The client's side of ExecutionVersion. */
export const layerVersion = HttpApiMiddleware.layerClient(ExecutionVersion, ({ next, request }) =>
  next(HttpClientRequest.setHeader(request, "airflow-api-version", executionApiVersion))
)
