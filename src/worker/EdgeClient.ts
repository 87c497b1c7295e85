/** EdgeClient: the worker's calls to the central site, with every answer sorted by what it means. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
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
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import { MonotonicClock } from "../platform/MonotonicClock.ts"
import { TokenSigner } from "../platform/TokenSigner.ts"
import {
  EdgeApi,
  EdgeToken,
  type JobState,
  type PushLogsBody,
  type WorkerQueuesBody,
  WorkerRegistrationReturn,
  WorkerSetStateReturn,
  type WorkerStateBody
} from "../protocol/EdgeApi.ts"
import { Job, type JobKey, keyOf } from "../protocol/Job.ts"
import * as Json from "../protocol/Json.ts"
import { methodClaim } from "../protocol/Token.ts"
import { type SiteUnavailable, VersionRejected, WorkerConflict, WorkerNotFound } from "./EdgeError.ts"
import * as SiteCall from "./SiteCall.ts"
import { SiteClock } from "./SiteClock.ts"

/** One method a call of the wire; none of them retries: each loop decides for itself. */
export class EdgeClient extends Context.Service<
  EdgeClient,
  {
    readonly register: (
      body: WorkerStateBody
    ) => Effect.Effect<WorkerRegistrationReturn, VersionRejected | WorkerConflict | SiteUnavailable>
    readonly setState: (
      body: WorkerStateBody
    ) => Effect.Effect<WorkerSetStateReturn, VersionRejected | WorkerNotFound | SiteUnavailable>
    readonly fetch: (
      body: WorkerQueuesBody
    ) => Effect.Effect<Option.Option<Job>, WorkerNotFound | SiteUnavailable>
    readonly reportJob: (
      key: JobKey,
      taskInstanceId: string | null,
      state: JobState
    ) => Effect.Effect<void, SiteUnavailable>
    readonly pushLog: (key: JobKey, body: PushLogsBody) => Effect.Effect<void, SiteUnavailable>
    /** The site's Airflow version from `/api/v2/version`, where a gateway lets that through. */
    readonly siteVersion: Effect.Effect<Option.Option<string>>
  }
>()("edge-worker/worker/EdgeClient") {
  /** The calls over effect's `HttpClient`, which must not follow redirects. */
  static readonly layer: Layer.Layer<
    EdgeClient,
    never,
    EdgeConfig | WorkerIdentity | TokenSigner | HttpClient.HttpClient
  > = Layer.effect(
    EdgeClient,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const { name: worker_name } = yield* WorkerIdentity
      const { sign } = yield* TokenSigner
      const clock = yield* SiteClock
      const http = yield* HttpClient.HttpClient
      const folder = folderOf(config.apiUrl)
      const api = yield* HttpApiClient.make(EdgeApi, { baseUrl: folder }).pipe(
        Effect.provide(
          HttpApiMiddleware.layerClient(EdgeToken, ({ next, request }) =>
            Effect.flatMap(
              Effect.flatMap(clock.now, (now) => sign(methodClaim(request.url), now)),
              (token) => next(HttpClientRequest.setHeader(request, "authorization", Redacted.value(token)))
            )
          )
        )
      )
      const site = {
        site: withoutCredentials(folder),
        leewayMillis: Duration.toMillis(config.jwtLeeway),
        clock,
        monotonic: yield* MonotonicClock
      }
      const params = { worker_name }
      const call =
        <A, E>(
          operation: string,
          body: (text: string) => A,
          refusals: SiteCall.Refusals<E>,
          ask = SiteCall.signed
        ) =>
        (send: Effect.Effect<HttpClientResponse, unknown>): Effect.Effect<A, E | SiteUnavailable> =>
          ask(site, operation, send).pipe(
            Effect.flatMap((answer) => SiteCall.read(answer, refusals, body)),
            Effect.withSpan(`EdgeClient.${operation.replaceAll(" ", "-")}`, undefined, {
              captureStackTrace: false
            })
          )
      const register = call("register", registered, versionOrConflict)
      const heartbeat = call("heartbeat", stateSet, versionOrUnknown)
      const fetch = call("fetch", fetched, unknownWorker)
      const report = call("job report", noted, none)
      const push = call("log push", noted, none)
      return {
        register: (payload) => register(api.worker.register({ params, payload, responseMode })),
        setState: (payload) => heartbeat(api.worker.setState({ params, payload, responseMode })),
        fetch: (payload) => fetch(api.jobs.fetch({ params, payload, responseMode })),
        reportJob: (key, taskInstanceId, state) =>
          report(
            api.jobs.setState({
              params: { ...keyOf(key), state },
              payload: taskInstanceId === null ? {} : { task_instance_id: taskInstanceId },
              responseMode
            })
          ),
        pushLog: (key, payload) => push(api.logs.push({ params: keyOf(key), payload, responseMode })),
        siteVersion: call(
          "version",
          version,
          none,
          SiteCall.whole
        )(http.get(versionUrl(folder))).pipe(
          Effect.tapError((error) => Effect.logDebug(`the site's version is unknown: ${error.message}`)),
          Effect.option
        )
      }
    })
    // The instance that the worker's other parts get too: layers are built once.
  ).pipe(Layer.provide(SiteClock.layer))
}

/** The answer itself: its body is read once, losslessly, and not by the derived client. */
const responseMode = "response-only"

/** The API's folder: the URL up to its last `/`, where Python's `urljoin` puts a relative path. */
const folderOf = (apiUrl: URL): URL => new URL(".", apiUrl)

const withoutCredentials = (url: URL): string => `${url.origin}${url.pathname}`

/** Airflow's own API stands beside the Edge API: `…/edge_worker/v1/` and `…/api/v2/`. */
const versionUrl = (folder: URL): URL => new URL("../../api/v2/version", folder)

const decodeRegistered = Schema.decodeUnknownSync(WorkerRegistrationReturn)
const registered = (body: string) => decodeRegistered(JSON.parse(body))

const decodeStateSet = Schema.decodeUnknownSync(WorkerSetStateReturn)
const stateSet = (body: string) => decodeStateSet(JSON.parse(body))

const Fetched = Schema.NullOr(Job)
const isFetched = Schema.is(Fetched)
const decodeFetched = Schema.decodeUnknownSync(Fetched)

/**
 * The job as it came, with the keys and digits that we do not read. Where a number that we do read is not written as
 * JavaScript would (`1.0`), those digits are given up: the site has committed the claim, so the job must run.
 */
const fetched = (body: string): Option.Option<Job> => {
  const kept = Json.parse(body)
  if (isFetched(kept)) return Option.fromNullOr(kept)
  const plain: unknown = JSON.parse(body)
  // Decoding says what is wrong; it would also drop keys, so it is not what is returned.
  return Option.fromNullOr(isFetched(plain) ? plain : decodeFetched(plain))
}

/** Any JSON: the API promises none in particular, but a gateway's page is not it. */
const noted = (body: string): void => {
  if (body !== "") JSON.parse(body)
}

const decodeVersion = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))
const version = (body: string): string => decodeVersion(JSON.parse(body)).version

const none: SiteCall.Refusals<never> = () => undefined

const unknownWorker = (status: number, detail: string) =>
  status === 404 && detail === "Worker not found" ? new WorkerNotFound() : undefined

const versionOrUnknown = (status: number, detail: string) =>
  status === 400 ? new VersionRejected({ detail }) : unknownWorker(status, detail)

const versionOrConflict = (status: number, detail: string) => {
  if (status === 400) return new VersionRejected({ detail })
  return status === 409 ? new WorkerConflict({ detail }) : undefined
}
