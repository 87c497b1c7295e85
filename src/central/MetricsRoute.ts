/** MetricsRoute: `/metrics`, for a Prometheus whose token may view. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { CentralConfig } from "../config/CentralConfig.ts"
import { Accounts } from "./Accounts.ts"
import { answered } from "./Answer.ts"
import * as CentralMetrics from "./CentralMetrics.ts"
import { identify } from "./Guard.ts"
import { Repository } from "./Repository.ts"

export const layer = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    const repository = yield* Repository
    const answer = Effect.gen(function* () {
      const identity = yield* identify(yield* HttpServerRequest, settings, accounts)
      yield* accounts.require(identity, "view")
      const text = yield* CentralMetrics.prometheus(yield* repository.workers({}))
      return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
    })
    yield* router.add(
      "GET",
      "/metrics",
      answer.pipe(
        Effect.catchTags({
          SourceRefused: (error) => Effect.succeed(answered(403, error.message)),
          Unauthenticated: (error) => Effect.succeed(answered(401, error.message)),
          RoleMissing: (error) => Effect.succeed(answered(403, error.message)),
          RepositoryUnavailable: (error) =>
            Effect.as(Effect.logError(error.message), answered(503, "the central's database does not answer"))
        })
      )
    )
  })
)
