/** CentralClient: the calls of an embedded central's own API: submit, cancel and see jobs, and read their logs. */
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
import { CentralApi, CentralJob, CentralLog, CentralToken, type Submission } from "../protocol/CentralApi.ts"
import { display, type JobKey, keyOf } from "../protocol/Job.ts"
import { ManagementConfig } from "./ManagementConfig.ts"
import { type ManagementFailed, managementFailed } from "./ManagementError.ts"
import * as SiteAsk from "./SiteAsk.ts"
import { SiteCredential } from "./SiteCredential.ts"

/** One method a call of the wire. None is tried again, except once with a fresh token. */
export class CentralClient extends Context.Service<
  CentralClient,
  {
    readonly submit: (job: Submission) => Effect.Effect<CentralJob, ManagementFailed>
    readonly job: (key: JobKey) => Effect.Effect<CentralJob, ManagementFailed>
    readonly log: (key: JobKey, from: number) => Effect.Effect<CentralLog, ManagementFailed>
    readonly cancel: (key: JobKey) => Effect.Effect<CentralJob, ManagementFailed>
  }
>()("edge-worker/management/CentralClient") {
  /** The calls over effect's `HttpClient`, which must not follow redirects. */
  static readonly layer: Layer.Layer<
    CentralClient,
    never,
    ManagementConfig | SiteCredential | HttpClient.HttpClient
  > = Layer.effect(
    CentralClient,
    Effect.gen(function* () {
      const { url } = yield* ManagementConfig
      const credential = yield* SiteCredential
      const http = yield* HttpClient.HttpClient
      const folder = new URL("central/v1", url)
      const api = yield* HttpApiClient.group(CentralApi, {
        group: "jobs",
        httpClient: http,
        baseUrl: url
      }).pipe(
        Effect.provide(
          HttpApiMiddleware.layerClient(CentralToken, ({ next, request }) =>
            Effect.flatMap(TokenOfCall, (token) => next(HttpClientRequest.bearerToken(request, token)))
          )
        )
      )
      const once = (send: Effect.Effect<HttpClientResponse, unknown>) => (token: Redacted.Redacted) =>
        SiteAsk.ask(folder, Effect.provideService(send, TokenOfCall, token)).pipe(
          Effect.provideService(HttpClient.HttpClient, http)
        )
      const answered = Effect.fnUntraced(function* (send: Effect.Effect<HttpClientResponse, unknown>) {
        const first = yield* Effect.flatMap(credential.token, once(send))
        if (first.status !== 401) return first
        const fresh = yield* credential.renewed
        return Option.isNone(fresh) ? first : yield* once(send)(fresh.value)
      })
      const read =
        <A>(decode: (body: string) => Option.Option<A>) =>
        (send: Effect.Effect<HttpClientResponse, unknown>) =>
          Effect.flatMap(answered(send), (answer) =>
            answer.status >= 200 && answer.status < 300
              ? Option.match(decode(answer.body), {
                  onNone: () => Effect.fail(foreign(answer, folder)),
                  onSome: Effect.succeed
                })
              : Effect.fail(refusal(answer, folder))
          )
      const known =
        (key: JobKey) =>
        <A>(answer: Effect.Effect<A, ManagementFailed>) =>
          Effect.mapError(answer, (error) =>
            error.reason === unknownJob
              ? managementFailed(
                  "refused",
                  `${unknownJob}: ${display(keyOf(key))}; edge-worker list-jobs shows those there are`
                )
              : error
          )
      const job = read(decodeJob)
      const log = read(decodeLog)
      const of = (key: JobKey) => ({ params: keyOf(key), responseMode }) as const
      return {
        submit: (payload) => job(api.submit({ payload, responseMode })),
        job: (key) => known(key)(job(api.job(of(key)))),
        log: (key, from) => known(key)(log(api.log({ ...of(key), query: { from } }))),
        cancel: (key) => known(key)(job(api.cancel(of(key))))
      }
    })
  )
}

/** The token that the call in this fiber goes with; the derived client's middleware can fetch none itself. */
const TokenOfCall = Context.Reference<Redacted.Redacted>("edge-worker/management/TokenOfCentralCall", {
  defaultValue: () => Redacted.make("")
})

/** The central's own words (`JobUnknown` of central/JobRules.ts). */
const unknownJob = "there is no such job"

/** The answer itself: statuses and bodies are read here, as gateways answer too. */
const responseMode = "response-only"

const decodeJob = Schema.decodeUnknownOption(Schema.fromJsonString(CentralJob))
const decodeLog = Schema.decodeUnknownOption(Schema.fromJsonString(CentralLog))

const foreign = ({ status }: SiteAsk.Answer, at: URL) =>
  managementFailed(
    "unreachable",
    `HTTP ${status} from ${SiteAsk.shown(at)}, but its body is not what an edge-worker central answers: is that address its own?`
  )

/** What the central says no with. */
const refusal = (answer: SiteAsk.Answer, at: URL): ManagementFailed => {
  const says = SiteAsk.detail(answer)
  switch (answer.status) {
    case 401:
    case 403:
      return managementFailed(
        "credentials",
        `the central refuses this (HTTP ${answer.status})${says === undefined ? "" : `: ${says}`}`
      )
    case 404:
      if (says === unknownJob) return managementFailed("refused", says)
      return managementFailed(
        "unreachable",
        `there is no edge-worker central at ${SiteAsk.shown(at)} (HTTP 404): correct ${SiteAsk.setting}. An Airflow takes its jobs from its DAGs alone`
      )
    case 400:
    case 409:
    case 422:
      return says === undefined ? SiteAsk.unexpected(answer, at) : managementFailed("refused", says)
    default:
      return SiteAsk.unexpected(answer, at)
  }
}
