/** WorkerRow: a worker as a row of `central_worker`. */
import * as Schema from "effect/Schema"
import { Sysinfo } from "../protocol/EdgeApi.ts"
import { WorkerState } from "../protocol/WorkerState.ts"
import { reader, type Table, Whole } from "./StoredRow.ts"
import { fromStored, fromStoredOrNull, toStored, toStoredOrNull } from "./StoredText.ts"
import type { WorkerRecord } from "./WorkerRecord.ts"

const name = "central_worker"
const TextOrNull = Schema.NullOr(Schema.String)

const Row = Schema.Struct({
  name: Schema.String,
  state: WorkerState,
  maintenance_comment: TextOrNull,
  queues: Schema.NullOr(Schema.fromJsonString(Schema.Array(Schema.String))),
  first_online: Whole,
  last_update: Whole,
  jobs_active: Whole,
  sysinfo: Schema.fromJsonString(Sysinfo),
  team: TextOrNull,
  concurrency: Schema.NullOr(Whole)
})

export const workerTable: Table<WorkerRecord> = {
  name,
  key: "name",
  toColumns: (worker) => ({
    name: toStored(worker.name),
    state: worker.state,
    maintenance_comment: toStoredOrNull(worker.maintenanceComment),
    queues: worker.queues === null ? null : JSON.stringify(worker.queues),
    first_online: worker.firstOnline,
    last_update: worker.lastUpdate,
    jobs_active: worker.jobsActive,
    sysinfo: JSON.stringify(worker.sysinfo),
    team: toStoredOrNull(worker.team),
    concurrency: worker.concurrency
  }),
  fromColumns: reader(name, Row, (row) => ({
    name: fromStored(row.name),
    state: row.state,
    maintenanceComment: fromStoredOrNull(row.maintenance_comment),
    queues: row.queues,
    firstOnline: Number(row.first_online),
    lastUpdate: Number(row.last_update),
    jobsActive: Number(row.jobs_active),
    sysinfo: row.sysinfo,
    team: fromStoredOrNull(row.team),
    concurrency: row.concurrency === null ? null : Number(row.concurrency)
  }))
}
