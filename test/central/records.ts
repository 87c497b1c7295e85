/** records: jobs and workers as the central keeps them, for its tests. */
import type { Ask, JobRecord } from "../../src/central/JobRecord.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"
import { keyOf } from "../../src/protocol/Job.ts"
import { testJob } from "../../src/testing/testJob.ts"

/** A queued job of Dag `dag`; the task's name tells jobs apart. */
export const jobRecord = (task: string, changes: Partial<JobRecord> = {}): JobRecord => {
  const job = testJob(task, { queue: changes.queue ?? "default" })
  return {
    key: keyOf(job),
    taskInstanceId: "01900000-0000-7000-8000-000000000000",
    state: "queued",
    queue: "default",
    slots: 1,
    priority: 1,
    team: null,
    kind: "task",
    raw: false,
    command: { ...job.command, token: "" },
    conf: null,
    queuedAt: 1000,
    lastUpdate: 1000,
    worker: null,
    claims: 0,
    submittedBy: null,
    reason: null,
    task: null,
    retries: 0,
    retryDelay: 0,
    retried: false,
    ...changes
  }
}

export const workerRecord = (name: string, changes: Partial<WorkerRecord> = {}): WorkerRecord => ({
  name,
  state: "idle",
  maintenanceComment: null,
  queues: null,
  firstOnline: 1000,
  lastUpdate: 1000,
  jobsActive: 0,
  sysinfo: { airflow_version: "3.3.2" },
  team: null,
  concurrency: null,
  ...changes
})

export const ask = (worker: string, changes: Partial<Ask> = {}): Ask => ({
  worker,
  queues: null,
  team: null,
  freeSlots: 1,
  now: 2000,
  taskInstanceId: `ti-of-${worker}`,
  ...changes
})
