/** The embedded central's own API, declared once: submit a job, cancel it, see it, read its log. */

import * as Context from "effect/Context"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity
} from "effect/http-api"
import * as Schema from "effect/Schema"
import { BadRequest, Conflict, Forbidden, JobState, NotFound, Unprocessable } from "./EdgeApi.ts"
import { JobKey } from "./Job.ts"
import { Unauthorized } from "./ManagementApi.ts"

/** 503: the central's database does not answer. */
export class Unavailable extends Schema.Error<Unavailable>("Unavailable")(
  { _tag: Schema.tagDefaultOmit("Unavailable"), detail: Schema.String },
  { httpApiStatus: 503 }
) {}

/** What somebody may do; none of them comes with another. */
export const Role = Schema.Literals(["view", "operate", "submit"])
export type Role = typeof Role.Type

/** Who asks, as the central knows them. */
export class Caller extends Context.Service<
  Caller,
  { readonly name: string; readonly roles: ReadonlySet<Role> }
>()("edge-worker/protocol/Caller") {}

/** Reads and writes `Authorization: Bearer …`: a person's or a program's token, never a worker's. */
export class CentralToken extends HttpApiMiddleware.Service<CentralToken, { provides: Caller }>()(
  "edge-worker/protocol/CentralToken",
  {
    requiredForClient: true,
    security: { token: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden, Unavailable]
  }
) {}

/** A request that does not fit this declaration is answered as FastAPI does. */
export class CentralUnprocessable extends HttpApiMiddleware.Service<CentralUnprocessable>()(
  "edge-worker/protocol/CentralUnprocessable",
  { error: Unprocessable }
) {}

/** The most characters of a conf as JSON. */
export const longestConf = 65_536

/** Airflow's rules for names (3.3.2: `KEY_REGEX`, `[scheduler] allowed_run_id_pattern`), less what a path reads as a folder. */
const Id = Schema.String.check(
  Schema.isBetweenLength(1, 250),
  Schema.isPattern(/^(?!\.{1,2}$)[\p{L}\p{N}_.-]+$/u, {
    expected: "letters, digits, _, - and ., but not . or .. alone"
  })
)
const RunId = Schema.String.check(
  Schema.isBetweenLength(1, 250),
  Schema.isPattern(/^(?!\.{1,2}$)[A-Za-z0-9_.~:+-]+$/u, {
    expected: "the characters A-Z a-z 0-9 _ . ~ : + -, but not . or .. alone"
  })
)
const Queue = Schema.String.check(
  Schema.isBetweenLength(1, 256),
  Schema.isPattern(/^[\p{L}\p{N}_.-]+$/u, { expected: "letters, digits, _, - and ." })
)

/** How many lists and objects may stand in one another: what reads and writes JSON step by step runs out of stack. */
const deepest = 100

const isShallow = (value: unknown): boolean => {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return false
    level = level
      .filter((one) => typeof one === "object" && one !== null)
      .flatMap((one) => Object.values(one as object))
  }
  return true
}

/** Any JSON; its checks come before anything walks through it. */
const ShallowJson = Schema.Unknown.check(
  Schema.makeFilter(isShallow, { description: `at most ${deepest} levels deep` })
)

const Conf = ShallowJson.check(
  Schema.makeFilter((conf) => !isShallow(conf) || JSON.stringify(conf ?? null).length <= longestConf, {
    description: `at most ${longestConf} characters as JSON`
  })
)

/** A job without a workload of Airflow: what runs it is for the worker to know. */
export const Submission = Schema.Struct({
  dag_id: Id,
  task_id: Id,
  /** Made where it is missing: `manual__` and the time. */
  run_id: Schema.optionalKey(RunId),
  /** -1, the default: not one of several. */
  map_index: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 2_147_483_647 }))),
  /** `default` where it is missing. */
  queue: Schema.optionalKey(Queue),
  slots: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  /** The higher, the sooner. */
  priority: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: -2_147_483_648, maximum: 2_147_483_647 }))
  ),
  /** Given to whatever runs the job. */
  conf: Schema.optionalKey(Conf),
  /** How often it is tried again after a failure; 0, the default: never. */
  retries: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))),
  /** Seconds between a failure and the next try, unless the task says otherwise; `[core] default_task_retry_delay`. */
  retry_delay: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 31_536_000 })))
})
export type Submission = typeof Submission.Type

/** A workload of Airflow as it is, in its own JSON; callbacks are refused. */
export const RawSubmission = Schema.Struct({
  workload: ShallowJson,
  conf: Schema.optionalKey(Conf)
})

/** A job as the central sees it, without its workload and its conf. Times are ISO 8601 texts. */
export const CentralJob = Schema.Struct({
  ...JobKey.fields,
  task_instance_id: Schema.String,
  state: JobState,
  queue: Schema.String,
  slots: Schema.Int,
  priority: Schema.Int,
  team: Schema.NullOr(Schema.String),
  /** Who runs it, or ran it last. */
  worker: Schema.NullOr(Schema.String),
  submitted_by: Schema.NullOr(Schema.String),
  /** Why it ended, where the central decided that. */
  reason: Schema.NullOr(Schema.String),
  /** How often a worker took it. */
  claims: Schema.Int,
  /** How often it is tried again after a failure; each try is a job of its own. */
  retries: Schema.Int,
  /** It has failed, and this try follows. */
  next_try: Schema.NullOr(Schema.Int),
  queued: Schema.String,
  last_update: Schema.String
})
export type CentralJob = typeof CentralJob.Type

/** A part of a job's log. */
export const CentralLog = Schema.Struct({
  text: Schema.String,
  /** Ask from here on for what follows. */
  next: Schema.Int,
  /** Nothing follows any more: the job has ended, and this is the end of what has arrived. */
  ended: Schema.Boolean,
  state: JobState
})
export type CentralLog = typeof CentralLog.Type

const Position = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const aJob = "/jobs/:dag_id/:task_id/:run_id/:try_number/:map_index" as const
const Submitted = CentralJob.pipe(HttpApiSchema.status(201))
const always = [Forbidden, Unprocessable, Unavailable] as const

/** `/central/v1/…`: all of it. */
export class CentralJobs extends HttpApiGroup.make("jobs")
  .add(
    HttpApiEndpoint.post("submit", "/jobs", {
      payload: Submission,
      success: Submitted,
      error: [Conflict, ...always]
    }),
    HttpApiEndpoint.post("submitRaw", "/workloads", {
      payload: RawSubmission,
      success: Submitted,
      error: [BadRequest, Conflict, ...always]
    }),
    HttpApiEndpoint.get("job", aJob, {
      params: JobKey.fields,
      success: CentralJob,
      error: [NotFound, ...always]
    }),
    HttpApiEndpoint.get("log", `${aJob}/log`, {
      params: JobKey.fields,
      query: { from: Schema.optionalKey(Position) },
      success: CentralLog,
      error: [NotFound, ...always]
    }),
    /** The job as it is now; of several tries the last one. Again: the same. One that ended otherwise: 409. */
    HttpApiEndpoint.post("cancel", `${aJob}/cancel`, {
      params: JobKey.fields,
      success: CentralJob,
      error: [NotFound, Conflict, ...always]
    })
  )
  .middleware(CentralUnprocessable)
  .middleware(CentralToken) {}

/** Below the site's own folder, as Airflow's APIs are: `https://site/central/v1/jobs`. */
export class CentralApi extends HttpApi.make("central").add(CentralJobs).prefix("/central/v1") {}
