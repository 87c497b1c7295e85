/** ManagementClient: the calls of the site's management API, with every refusal sorted by what to do about it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  JobCollection,
  type JobFilters,
  type ManagedJob,
  ManagementApi,
  ManagementToken,
  type Worker,
  WorkerCollection,
  type WorkerFilters
} from "../protocol/ManagementApi.ts"
import { ManagementConfig } from "./ManagementConfig.ts"
import { type ManagementFailed, managementFailed } from "./ManagementError.ts"
import * as SiteAsk from "./SiteAsk.ts"
import { SiteCredential } from "./SiteCredential.ts"

type Change<Rest extends ReadonlyArray<string | number> = []> = (
  worker: string,
  ...rest: Rest
) => Effect.Effect<void, ManagementFailed>

/** One method a call of the wire. None is tried again, except once with a fresh token. */
export class ManagementClient extends Context.Service<
  ManagementClient,
  {
    readonly workers: (filters: WorkerFilters) => Effect.Effect<ReadonlyArray<Worker>, ManagementFailed>
    readonly jobs: (filters: JobFilters) => Effect.Effect<ReadonlyArray<ManagedJob>, ManagementFailed>
    readonly requestMaintenance: Change<[comment: string]>
    readonly updateMaintenance: Change<[comment: string]>
    readonly exitMaintenance: Change
    readonly shutdown: Change
    readonly removeWorker: Change
    readonly addQueue: Change<[queue: string]>
    readonly removeQueue: Change<[queue: string]>
    readonly setConcurrency: Change<[concurrency: number]>
  }
>()("edge-worker/management/ManagementClient") {
  /** The calls over effect's `HttpClient`, which must not follow redirects. */
  static readonly layer: Layer.Layer<
    ManagementClient,
    never,
    ManagementConfig | SiteCredential | HttpClient.HttpClient
  > = Layer.effect(
    ManagementClient,
    Effect.gen(function* () {
      const { url } = yield* ManagementConfig
      const credential = yield* SiteCredential
      const http = yield* HttpClient.HttpClient
      const folder = new URL("edge_worker/ui", url)
      const api = yield* HttpApiClient.group(ManagementApi, {
        group: "management",
        httpClient: http,
        baseUrl: folder
      }).pipe(
        Effect.provide(
          HttpApiMiddleware.layerClient(ManagementToken, ({ next, request }) =>
            Effect.flatMap(TokenOfCall, (token) => next(HttpClientRequest.bearerToken(request, token)))
          )
        )
      )
      const once = (send: Effect.Effect<HttpClientResponse, unknown>) => (token: Redacted.Redacted) =>
        SiteAsk.ask(folder, Effect.provideService(send, TokenOfCall, token)).pipe(
          Effect.provideService(HttpClient.HttpClient, http)
        )
      /** A token lives as long as the site's `[api_auth] jwt_expiration_time`, which may be shorter than we run. */
      const answered = Effect.fnUntraced(function* (send: Effect.Effect<HttpClientResponse, unknown>) {
        const first = yield* Effect.flatMap(credential.token, once(send))
        if (first.status !== 401) return first
        const fresh = yield* credential.renewed
        return Option.isNone(fresh) ? first : yield* once(send)(fresh.value)
      })
      const get =
        <A>(decode: (body: string) => Option.Option<A>) =>
        (send: Effect.Effect<HttpClientResponse, unknown>) =>
          Effect.flatMap(answered(send), (answer) => {
            if (!isAccepted(answer)) return Effect.fail(refusal(answer, folder))
            return Option.match(decode(answer.body), {
              onNone: () => Effect.fail(foreign(answer, folder)),
              onSome: Effect.succeed
            })
          })
      const change = (worker: string, send: Effect.Effect<HttpClientResponse, unknown>) =>
        Effect.flatMap(answered(send), (answer) => {
          if (!isAccepted(answer)) return Effect.fail(refusal(answer, folder, worker))
          return Option.isSome(decodeJson(answer.body)) ? Effect.void : Effect.fail(foreign(answer, folder))
        })
      const of = (worker_name: string) => ({ params: { worker_name }, responseMode }) as const
      const workers = get(decodeWorkers)
      const jobs = get(decodeJobs)
      return {
        workers: (query) =>
          Effect.map(workers(api.workers({ query, responseMode })), (found) => found.workers),
        jobs: (query) => Effect.map(jobs(api.jobs({ query, responseMode })), (found) => found.jobs),
        requestMaintenance: (worker, maintenance_comment) =>
          change(worker, api.requestMaintenance({ ...of(worker), payload: { maintenance_comment } })),
        updateMaintenance: (worker, maintenance_comment) =>
          change(worker, api.updateMaintenance({ ...of(worker), payload: { maintenance_comment } })),
        exitMaintenance: (worker) => change(worker, api.exitMaintenance(of(worker))),
        shutdown: (worker) => change(worker, api.shutdown(of(worker))),
        removeWorker: (worker) => change(worker, api.removeWorker(of(worker))),
        addQueue: (worker, queue_name) =>
          change(worker, api.addQueue({ params: { worker_name: worker, queue_name }, responseMode })),
        removeQueue: (worker, queue_name) =>
          change(worker, api.removeQueue({ params: { worker_name: worker, queue_name }, responseMode })),
        setConcurrency: (worker, concurrency) =>
          change(worker, api.setConcurrency({ ...of(worker), payload: { concurrency } }))
      }
    })
  )
}

/** The token that the call in this fiber goes with; the derived client's middleware can fetch none itself. */
const TokenOfCall = Context.Reference<Redacted.Redacted>("edge-worker/management/TokenOfCall", {
  defaultValue: () => Redacted.make("")
})

/** The answer itself: statuses and bodies are read here, as gateways answer too. */
const responseMode = "response-only"

const decodeWorkers = Schema.decodeUnknownOption(Schema.fromJsonString(WorkerCollection))
const decodeJobs = Schema.decodeUnknownOption(Schema.fromJsonString(JobCollection))
/** Airflow answers a change with `null`; no body is as good, a gateway's page is not. */
const decodeJson = (body: string) =>
  body === "" ? Option.some(null) : Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))(body)

const isAccepted = ({ status }: SiteAsk.Answer) => status >= 200 && status < 300

const foreign = ({ status }: SiteAsk.Answer, at: URL) =>
  managementFailed(
    "unreachable",
    `HTTP ${status} from ${SiteAsk.shown(at)}, but its body is not what the management API of edge3 5.1.0 promises: is that address the site's, and not a gateway's page?`
  )

/** What the site says no with. */
const refusal = (answer: SiteAsk.Answer, at: URL, worker?: string): ManagementFailed => {
  const says = SiteAsk.detail(answer)
  const words = says === undefined ? "" : `; the site says: ${says}`
  switch (answer.status) {
    case 401:
      return managementFailed(
        "credentials",
        `the site does not take this token (HTTP 401): it is no longer good, or another site's${words}`
      )
    case 403:
      return managementFailed(
        "credentials",
        `the site refuses this (HTTP 403): the user may not see jobs, which managing workers needs, or the token is another site's${words}`
      )
    case 404:
      // edge3 5.1.0 (worker_api/routes/ui.py); any other 404 is no answer of this API
      if (worker !== undefined && /^Worker .* not found$/s.test(says ?? "")) {
        return managementFailed("unknownWorker", `Edge Worker ${worker} is unknown!`)
      }
      return SiteAsk.unexpected(answer, at)
    case 400:
    case 422:
      return says === undefined ? SiteAsk.unexpected(answer, at) : managementFailed("refused", says)
    default:
      return SiteAsk.unexpected(answer, at)
  }
}
