/** WorkerRules: what a registration or a heartbeat makes of a worker's row; pure, and Airflow's own (edge3 5.1.0). */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isOlder } from "../config/pep440.ts"
import type { Sysinfo, WorkerStateBody } from "../protocol/EdgeApi.ts"
import { answer } from "../protocol/Lifecycle.ts"
import { nameProblem } from "../protocol/WorkerName.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"

const detailed = { detail: Schema.String }

/** 404: there is no worker of that name. */
export class WorkerUnknown extends Schema.TaggedError<WorkerUnknown>()("WorkerUnknown", detailed) {
  override get message() {
    return this.detail
  }
}

/** 409: a worker of that name is active. */
export class WorkerActive extends Schema.TaggedError<WorkerActive>()("WorkerActive", detailed) {
  override get message() {
    return this.detail
  }
}

/** 400: the worker's versions are not those that this central accepts. */
export class VersionUnacceptable extends Schema.TaggedError<VersionUnacceptable>()(
  "VersionUnacceptable",
  detailed
) {
  override get message() {
    return this.detail
  }
}

/** 422: it does not fit into the store. A 400 would tell a worker that its versions are refused. */
export class Unstorable extends Schema.TaggedError<Unstorable>()("Unstorable", {
  /** Where it stands, as FastAPI names it: `["body", "queues"]`. */
  loc: Schema.Array(Schema.String),
  ...detailed
}) {
  override get message() {
    return this.detail
  }
}

/** Which versions a central has, and the oldest that it accepts beside them. */
export interface AcceptedVersions {
  readonly airflowVersion: string
  readonly edgeProviderVersion: string
  readonly minimumAcceptableCoreVersion: string | undefined
  readonly minimumAcceptableEdgeVersion: string | undefined
}

const tooOld = (version: string, minimum: string | undefined) =>
  minimum === undefined || isOlder(version, minimum)

/** Whether the versions are equal, or why they cannot work together (`_assert_version`, `worker_api/routes/worker.py`). */
export const versionsMatch = (
  sysinfo: Sysinfo,
  accepted: AcceptedVersions
): Result.Result<boolean, VersionUnacceptable> => {
  const refuse = (detail: string) => Result.fail(new VersionUnacceptable({ detail }))
  const { airflow_version: airflow, edge_provider_version: edge3 } = sysinfo
  if (airflow === undefined) return refuse("Edge Worker does not specify the version it is running on.")
  const sameAirflow = airflow === accepted.airflowVersion
  const minimum = accepted.minimumAcceptableCoreVersion
  if (!sameAirflow && tooOld(String(airflow), minimum)) {
    return refuse(
      `Edge Worker runs on Airflow ${airflow} which is below the minimum acceptable version ${minimum ?? "None"}. Rejecting access due to incompatible version.`
    )
  }
  if (edge3 === undefined)
    return refuse("Edge Worker does not specify the provider version it is running on.")
  const sameEdge3 = edge3 === accepted.edgeProviderVersion
  if (!sameEdge3 && tooOld(String(edge3), accepted.minimumAcceptableEdgeVersion)) {
    return refuse(
      `Edge Worker runs on Edge Provider ${edge3} and the core runs on ${accepted.edgeProviderVersion}. Rejecting access due to difference.`
    )
  }
  return Result.succeed(sameAirflow && sameEdge3)
}

const inMaintenance: ReadonlyArray<WorkerState> = [
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "offline maintenance"
]

/** Characters as Python counts them, and as its database columns do. */
export const lengthOf = (text: string): number => [...text].length

/** The comment that is kept in a state, when another is told (`redefine_maintenance_comments`). */
export const keptComment = (
  state: WorkerState,
  stored: string | null,
  told: string | null | undefined
): string | null => {
  if (!inMaintenance.includes(state)) return null
  if (!told || told === stored) return stored
  return stored && lengthOf(stored) + lengthOf(told) < 1020 ? `${stored}\n\n${told}` : told
}

/** The column holds the list as Python prints it: `['a', 'b']`. */
const printed = (queues: ReadonlyArray<string>): string =>
  `[${queues.map((queue) => `'${queue}'`).join(", ")}]`

/** What is wrong with the queues of a worker, or `undefined`. */
export const queuesProblem = (queues: ReadonlyArray<string>): string | undefined => {
  if (queues.includes("")) return "a queue has no name"
  const length = lengthOf(printed(queues))
  return length > 256 ? `the list of queues has ${length} characters, at most 256 are kept` : undefined
}

/** What is wrong with a comment, or `undefined`. */
export const commentProblem = (comment: string): string | undefined => {
  const length = lengthOf(comment)
  return length > 1024 ? `the maintenance comment has ${length} characters, at most 1024 are kept` : undefined
}

/** What an integer column holds. */
const largest = 2_147_483_647

const countProblem = (count: number): string | undefined =>
  count < 0 || count > largest ? `it must be from 0 to ${largest}` : undefined

/** It is sent with each heartbeat and shown to people. */
const sysinfoProblem = (sysinfo: Sysinfo): string | undefined => {
  const length = JSON.stringify(sysinfo).length
  return length > 65_536 ? `the sysinfo has ${length} characters as JSON, at most 65536 are kept` : undefined
}

const teamProblem = (team: string): string | undefined =>
  lengthOf(team) > 64 ? `the team's name has ${lengthOf(team)} characters, at most 64 are kept` : undefined

/** Whether a name and what a worker says fit into the store. */
export const storable = (name: string, body: WorkerStateBody): Result.Result<void, Unstorable> => {
  const checks: ReadonlyArray<readonly [loc: ReadonlyArray<string>, problem: string | undefined]> = [
    [["path", "worker_name"], nameProblem(name)],
    [["body", "queues"], queuesProblem(body.queues ?? [])],
    [["body", "maintenance_comments"], commentProblem(body.maintenance_comments ?? "")],
    [["body", "jobs_active"], countProblem(body.jobs_active ?? 0)],
    [["body", "sysinfo"], sysinfoProblem(body.sysinfo)],
    [["body", "team_name"], teamProblem(body.team_name ?? "")]
  ]
  for (const [loc, detail] of checks) {
    if (detail !== undefined) return Result.fail(new Unstorable({ loc, detail }))
  }
  return Result.succeed(undefined)
}

/** An empty list is stored as none, which means every queue. */
export const storedQueues = (queues: ReadonlyArray<string> | null | undefined) =>
  queues?.length ? queues : null

/** States in which nobody is there: the name may be used anew, the row removed, and nothing be asked of the worker. */
export const isGone = (state: WorkerState): boolean =>
  state === "offline" || state === "unknown" || state === "offline maintenance"

/** The row after a registration; refused while a worker of that name is active. */
export const registered = (
  name: string,
  body: WorkerStateBody,
  now: number,
  stored: WorkerRecord | undefined
): Result.Result<WorkerRecord, WorkerActive> => {
  if (stored !== undefined && !isGone(stored.state)) {
    return Result.fail(
      new WorkerActive({
        detail: `Worker '${name}' is already active in state '${stored.state}'. Cannot start a duplicate worker with the same name.`
      })
    )
  }
  const state = answer(stored?.state ?? body.state, body.state)
  return Result.succeed({
    name,
    state,
    maintenanceComment: keptComment(state, stored?.maintenanceComment ?? null, body.maintenance_comments),
    queues: storedQueues(body.queues),
    firstOnline: stored?.firstOnline ?? now,
    lastUpdate: now,
    jobsActive: stored?.jobsActive ?? 0,
    sysinfo: body.sysinfo,
    team: body.team_name ?? null,
    concurrency: stored?.concurrency ?? null
  })
}

/** The row after a heartbeat. Its queues are not those that the heartbeat names: an operator may have changed them. */
export const heard = (body: WorkerStateBody, now: number, stored: WorkerRecord): WorkerRecord => {
  const state = answer(stored.state, body.state)
  return {
    ...stored,
    state,
    maintenanceComment: keptComment(state, stored.maintenanceComment, body.maintenance_comments),
    jobsActive: body.jobs_active ?? 0,
    sysinfo: body.sysinfo,
    lastUpdate: now
  }
}
