/** DagRuns: what this central, which knows no Dags, says of a run: that of its jobs. */
import type { DagResponse } from "../protocol/execution/DagRuns.ts"
import type { DagRun, DagRunState } from "../protocol/execution/RunContext.ts"
import { isEnded, type JobRecord } from "./JobRecord.ts"

const text = (millis: number): string => new Date(millis).toISOString()

/** A job of a run, or several in one state. */
type Part = Pick<JobRecord, "state" | "retried" | "queuedAt" | "lastUpdate">

/** Running as long as one of its jobs is not over; a failed one makes it fail. Of several tries the last one counts. */
export const runState = (all: ReadonlyArray<Part>): DagRunState => {
  const jobs = all.filter(({ retried }) => !retried)
  if (jobs.every(({ state }) => state === "queued")) return "queued"
  if (!jobs.every(({ state }) => isEnded(state))) return "running"
  return jobs.some(({ state }) => state === "failed" || state === "removed") ? "failed" : "success"
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !("rawJSON" in value)

/**
 * The run of these jobs, as one of them sees it: with its own conf, where that is an object. As of a run that a person
 * starts in Airflow, its logical date and its interval are the moment of the first submission.
 */
export const dagRunOf = (own: JobRecord, jobs: ReadonlyArray<Part>): DagRun => {
  const first = text(Math.min(own.queuedAt, ...jobs.map(({ queuedAt }) => queuedAt)))
  const state = runState(jobs.length === 0 ? [own] : jobs)
  const isOver = state === "success" || state === "failed"
  return {
    dag_id: own.key.dag_id,
    run_id: own.key.run_id,
    logical_date: first,
    data_interval_start: first,
    data_interval_end: first,
    run_after: first,
    start_date: first,
    end_date: isOver ? text(Math.max(...jobs.map(({ lastUpdate }) => lastUpdate))) : null,
    clear_number: 0,
    run_type: "manual",
    state,
    conf: isObject(own.conf) ? own.conf : {},
    triggering_user_name: own.submittedBy,
    consumed_asset_events: [],
    partition_key: null,
    note: null,
    team_name: own.team
  }
}

/** A Dag of which there is a job; its file is where the jobs of `submit` seek it. */
export const dagOf = (dag_id: string): DagResponse => ({
  dag_id,
  is_paused: false,
  bundle_name: "dags-folder",
  bundle_version: null,
  relative_fileloc: `${dag_id}.py`,
  owners: null,
  tags: [],
  next_dagrun: null
})
