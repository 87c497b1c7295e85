/** CentralServer: everything that the embedded central serves on its one port, and how it says that something failed. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { causeResponse } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import { CentralApi } from "../protocol/CentralApi.ts"
import { answered } from "./Answer.ts"
import * as EdgeHandlers from "./EdgeHandlers.ts"
import * as ExecutionRoutes from "./ExecutionRoutes.ts"
import * as JobHandlers from "./JobHandlers.ts"
import { keyPath } from "./keyPaths.ts"
import * as MetricsRoute from "./MetricsRoute.ts"
import * as PeopleRoutes from "./PeopleRoutes.ts"
import { Sweeper } from "./Sweeper.ts"
import * as WorkerAccess from "./WorkerAccess.ts"

const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  413: "the request's body is too large",
  415: "the request's body must be application/json",
  503: "Service Unavailable"
}

/** FastAPI answers in JSON whatever goes wrong. */
const inJson = (response: HttpServerResponse.HttpServerResponse) => {
  const { body, headers, status } = response
  if (status < 400 || (body._tag !== "Empty" && status !== 415)) return response
  const { connection } = headers
  return HttpServerResponse.setHeaders(
    answered(status, phrases[status] ?? "Internal Server Error"),
    connection === undefined ? {} : { connection }
  )
}

/** Logs, names and tokens: no browser guesses what they are, and nothing on the way keeps them. */
const asItIs = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeaders(response, {
    "x-content-type-options": "nosniff",
    "cache-control": response.headers["cache-control"] ?? "no-store"
  })

/**
 * A name with an encoded slash: Starlette decodes before it routes, so that no path of Airflow's fits. In the Execution
 * API a name may have slashes.
 */
const slash = /^(?!\/execution\/(?:xcoms|variables|store)\/)[^?#]*%2f/i

const tooLarge = HttpServerResponse.setHeader(
  answered(413, "the request's body is too large"),
  "connection",
  "close"
)

/** What nobody need read further to refuse; the rest of a body that is too large is not waited for. */
const refusal = (request: HttpServerRequest.HttpServerRequest, most: number) => {
  if (slash.test(request.url)) return answered(404, "Not Found")
  return Number(request.headers["content-length"] ?? 0) > most ? tooLarge : undefined
}

const failures = HttpRouter.middleware(
  Effect.map(
    CentralConfig,
    ({ maxRequestSize }) =>
      (next) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const refused = refusal(request, maxRequestSize)
          return refused === undefined ? next : Effect.succeed(refused)
        }).pipe(
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause)
              ? Effect.failCause(cause)
              : Effect.flatMap(causeResponse(cause), ([response]) =>
                  response.status < 500
                    ? Effect.succeed(response)
                    : Effect.as(Effect.logError("a request failed", cause), response)
                )
          ),
          Effect.map(inJson),
          Effect.map(asItIs)
        )
  ),
  { global: true }
)

/** What a worker asks before it registers, without a token; Airflow's own answer. */
const version = HttpRouter.use((router) =>
  Effect.flatMap(CentralConfig, ({ airflowVersion }) =>
    router.add(
      "GET",
      "/api/v2/version",
      HttpServerResponse.jsonUnsafe({ version: airflowVersion, git_version: null })
    )
  )
)

const openapi = HttpRouter.add(
  "GET",
  "/central/openapi.json",
  Effect.sync(() => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(CentralApi)))
)

/** Dag and run ids are long, and longer when they are encoded. */
const routerConfig = {
  maxParamLength: 4096,
  caseSensitive: true,
  ignoreDuplicateSlashes: false,
  ignoreTrailingSlash: false
}

/** The routes of every group. */
const routes = Layer.mergeAll(
  EdgeHandlers.layer,
  ExecutionRoutes.layer,
  JobHandlers.layer,
  PeopleRoutes.layer,
  MetricsRoute.layer,
  version,
  openapi
).pipe(Layer.provide(WorkerAccess.layer))

/** Serves and sweeps until its scope ends. */
export const layer = HttpRouter.serve(Layer.merge(routes, failures), {
  routerConfig,
  disableLogger: true,
  disableListenLog: true,
  middleware: (app) =>
    Effect.updateService(app, HttpServerRequest.HttpServerRequest, (request) => {
      const url = keyPath(request.method, request.url)
      return url === request.url ? request : request.modify({ url })
    })
}).pipe(Layer.merge(Layer.effectDiscard(Effect.flatMap(Sweeper, ({ run }) => Effect.forkScoped(run)))))
