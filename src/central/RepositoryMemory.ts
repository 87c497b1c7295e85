/** RepositoryMemory: the store without a database, for tests: it ends with its layer. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { JobKey } from "../protocol/Job.ts"
import { keyTuple } from "../protocol/Job.ts"
import type { JobRecord } from "./JobRecord.ts"
import { type PlacedChunk, partOf } from "./LogText.ts"
import {
  type AuditEntry,
  type Change,
  type Login,
  Repository,
  type Tries,
  type Writer
} from "./Repository.ts"
import { byClaimOrder, claimed, fitsAsk, fitsJob, fitsWorker, tallied } from "./RepositoryFilters.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"
import type { VariableRecord, XComFilter, XComRecord } from "./XComRecord.ts"
import { isSameRun, xcomKeyText } from "./XComRow.ts"

const idOf = (key: JobKey): string => JSON.stringify(keyTuple(key))

/** Reads, decides and writes one row. Nothing can come in between: it is synchronous. */
const changeIn = <Row, A, E>(
  rows: Map<string, Row>,
  id: string,
  change: Change<Row, A, E>,
  idOf: (row: Row) => string,
  onRemoval: () => void = () => {}
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const changed = change(rows.get(id))
    if (Result.isFailure(changed)) return Effect.fail(changed.failure)
    const [answer, row, another] = changed.success
    if (row !== undefined) rows.set(id, row)
    else if (rows.delete(id)) onRemoval()
    if (another !== undefined && !rows.has(idOf(another))) rows.set(idOf(another), another)
    return Effect.succeed(answer)
  })

/** The same for all that fit; gives each changed row with what has become of it. */
const changeAll = <Row>(
  rows: Map<string, Row>,
  fits: (row: Row) => boolean,
  change: (row: Row) => Row | undefined
) => {
  // all are decided on before the first is written: a `change` that throws changes nothing
  const changes = [...rows]
    .filter(([, row]) => fits(row))
    .map(([id, before]) => ({ id, before, after: change(before) }))
    .filter(({ after, before }) => after !== before)
  for (const { after, id } of changes) {
    if (after === undefined) rows.delete(id)
    else rows.set(id, after)
  }
  return changes
}

interface Log {
  readonly chunks: Array<PlacedChunk>
  readonly texts: Map<string, string>
  length: number
}

const fitsXCom = (filter: XComFilter) => (xcom: XComRecord) =>
  xcom.dag_id === filter.dag_id &&
  xcom.task_id === filter.task_id &&
  (filter.run_id === undefined || xcom.run_id === filter.run_id) &&
  (filter.map_index === undefined || xcom.map_index === filter.map_index) &&
  (filter.key === undefined || xcom.key === filter.key)

const make = Effect.sync(() => {
  const workers = new Map<string, WorkerRecord>()
  const jobs = new Map<string, JobRecord>()
  const logs = new Map<string, Log>()
  const logins = new Map<string, Login>()
  const tries = new Map<string, Tries>()
  let audits: Array<AuditEntry> = []
  const xcoms = new Map<string, XComRecord>()
  const variables = new Map<string, VariableRecord>()

  const jobOf = (taskInstanceId: string) =>
    [...jobs.values()].find((job) => job.taskInstanceId === taskInstanceId)
  /** Writes, if the writer may. */
  const written = <A, E>(write: () => A, writer: Writer<E> | undefined): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const leave =
        writer === undefined ? Result.succeed(undefined) : writer.may(jobOf(writer.taskInstanceId))
      return Result.isFailure(leave) ? Effect.fail(leave.failure) : Effect.succeed(write())
    })

  /** What goes with a job. */
  const removeRest = (key: JobKey): void => {
    logs.delete(idOf(key))
    const before = { ...key, try_number: key.try_number - 1 }
    if (jobs.get(idOf(before))?.retried === true) {
      jobs.delete(idOf(before))
      removeRest(before)
      return
    }
    if ([...jobs.values()].some((job) => isSameRun(job.key, key))) return
    for (const [id, xcom] of xcoms) if (isSameRun(xcom, key)) xcoms.delete(id)
  }

  return Repository.of({
    changeWorker: (name, change) => changeIn(workers, name, change, (worker) => worker.name),
    worker: (name) => Effect.sync(() => workers.get(name)),
    workers: (filter) =>
      Effect.sync(() =>
        [...workers.values()].filter(fitsWorker(filter)).sort((a, b) => (a.name < b.name ? -1 : 1))
      ),
    changeWorkers: (filter, change) =>
      Effect.sync(() =>
        changeAll(workers, fitsWorker(filter), change).map(({ after, before }) => after ?? before)
      ),

    addJob: (job) =>
      Effect.sync(() => {
        const id = idOf(job.key)
        if (jobs.has(id)) return false
        jobs.set(id, job)
        return true
      }),
    claimJob: (ask) =>
      Effect.sync(() => {
        const [next] = [...jobs.values()].filter(fitsAsk(ask)).sort(byClaimOrder)
        if (next === undefined) return Option.none()
        const job = claimed(next, ask)
        jobs.set(idOf(job.key), job)
        return Option.some(job)
      }),
    changeJob: (key, change) =>
      changeIn(
        jobs,
        idOf(key),
        change,
        (job) => idOf(job.key),
        () => removeRest(key)
      ),
    job: (key) => Effect.sync(() => jobs.get(idOf(key))),
    jobOf: (taskInstanceId) => Effect.sync(() => jobOf(taskInstanceId)),
    jobs: (filter, limit) =>
      Effect.sync(() =>
        [...jobs.values()]
          .filter(fitsJob(filter))
          .sort((a, b) => a.queuedAt - b.queuedAt)
          .slice(0, limit)
      ),
    tallyJobs: (filter) => Effect.sync(() => tallied([...jobs.values()].filter(fitsJob(filter)))),
    changeJobs: (filter, change) =>
      Effect.sync(() => {
        const changes = changeAll(jobs, fitsJob(filter), change)
        for (const { after, before } of changes) if (after === undefined) removeRest(before.key)
        return changes.map(({ before }) => before)
      }),

    appendLog: (key, { text, time }) =>
      Effect.sync(() => {
        const id = idOf(key)
        const log: Log = logs.get(id) ?? { chunks: [], texts: new Map(), length: 0 }
        const known = log.texts.get(time)
        if (known !== undefined) return known === text ? "repeated" : "taken"
        if (text === "") return "appended"
        logs.set(id, log)
        log.texts.set(time, text)
        log.chunks.push({ start: log.length, text })
        log.length += text.length
        return "appended"
      }),
    readLog: (key, from, limit) =>
      Effect.sync(() => {
        const log = logs.get(idOf(key))
        return log === undefined ? { text: "", next: 0 } : partOf(log.chunks, log.length, from, limit)
      }),

    putXCom: (xcom, writer) => written(() => void xcoms.set(xcomKeyText(xcom), xcom), writer),
    xcom: (key) => Effect.sync(() => xcoms.get(xcomKeyText(key))),
    xcoms: (filter) =>
      Effect.sync(() =>
        [...xcoms.values()]
          .filter(fitsXCom(filter))
          .sort((a, b) => a.map_index - b.map_index || b.storedAt - a.storedAt)
      ),
    countXComs: (filter) => Effect.sync(() => [...xcoms.values()].filter(fitsXCom(filter)).length),
    removeXCom: (key, writer) => written(() => xcoms.delete(xcomKeyText(key)), writer),

    putVariable: (variable, writer) => written(() => void variables.set(variable.key, variable), writer),
    variable: (key) => Effect.sync(() => variables.get(key)),
    variableKeys: Effect.sync(() => [...variables.keys()]),
    removeVariable: (key, writer) => written(() => variables.delete(key), writer),

    addAudit: (entry) => Effect.sync(() => void audits.push(entry)),
    audits: (limit) => Effect.sync(() => audits.toReversed().slice(0, limit)),
    addLogin: (login) => Effect.sync(() => void logins.set(login.digest, login)),
    login: (digest) => Effect.sync(() => logins.get(digest)),
    removeLogin: (digest) => Effect.sync(() => void logins.delete(digest)),
    changeTries: (keys, change) =>
      Effect.sync(() => {
        const wanted = new Set(keys)
        const [answer, changed] = change(new Map([...tries].filter(([key]) => wanted.has(key))))
        for (const [key, one] of changed) tries.set(key, one)
        return answer
      }),
    tidy: ({ auditsBefore, now }) =>
      Effect.sync(() => {
        for (const { digest, until } of logins.values()) if (until <= now) logins.delete(digest)
        for (const [key, { until }] of tries) if (until <= now) tries.delete(key)
        audits = audits.filter(({ at }) => at >= auditsBefore)
        const stray = [...logs.keys()].filter((id) => !jobs.has(id))
        for (const id of stray) logs.delete(id)
        return stray.length
      }),
    ping: Effect.void
  })
})

export const RepositoryMemory = { layer: Layer.effect(Repository, make) }
