/**
 * Usr2Files: the two files through which `airflow edge status|maintenance` talk to a worker around SIGUSR2 (edge3
 * 5.1.0, `cli/signalling.py`): always in `$AIRFLOW_HOME` and always under these names, whatever `--pid` says.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { WorkerState } from "../protocol/WorkerState.ts"

/** `MaintenanceMarker` of edge3: what `airflow edge maintenance` leaves before it signals. */
export const MaintenanceMarker = Schema.Struct({
  maintenance: Schema.Literals(["on", "off"]),
  comments: Schema.NullOr(Schema.String)
})
export type MaintenanceMarker = typeof MaintenanceMarker.Type

/** `WorkerStatus` of edge3: exactly these six keys, any other makes `airflow edge status` fail. */
export const EdgeStatus = Schema.Struct({
  job_count: Schema.Int,
  jobs: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.Int, Schema.Int])),
  state: WorkerState,
  maintenance: Schema.Boolean,
  maintenance_comments: Schema.NullOr(Schema.String),
  drain: Schema.Boolean
})
export type EdgeStatus = typeof EdgeStatus.Type

const decodeMarker = Schema.decodeUnknownEffect(Schema.fromJsonString(MaintenanceMarker))
const decodeStatus = Schema.decodeUnknownOption(Schema.fromJsonString(EdgeStatus))

/** `airflow-edge-worker.in`: a maintenance marker as JSON. */
export const markerFile = (airflowHome: string): string => join(airflowHome, "airflow-edge-worker.in")

/** `airflow-edge-worker.out`: the status as JSON. */
export const statusFile = (airflowHome: string): string => join(airflowHome, "airflow-edge-worker.out")

/** By rename: the reader polls the file's time and reads it at once. */
const replace = (file: string, content: string): void => {
  const fresh = join(dirname(file), `.airflow-edge-worker.${process.pid}.new`)
  writeFileSync(fresh, content)
  renameSync(fresh, file)
}

/** Reads and removes the marker; none where there is no such file. One that cannot be read is logged and removed. */
export const takeMarker = Effect.fnUntraced(function* (airflowHome: string) {
  const path = markerFile(airflowHome)
  const content = yield* Effect.option(Effect.try(() => readFileSync(path, "utf8")))
  if (Option.isNone(content)) return Option.none<MaintenanceMarker>()
  yield* Effect.ignore(Effect.try(() => rmSync(path, { force: true })))
  return yield* decodeMarker(content.value).pipe(
    Effect.tapError((error) =>
      Effect.logWarning("a maintenance request could not be read and is dropped", {
        path,
        error: error.message
      })
    ),
    Effect.option
  )
})

/** Leaves a marker for the worker of this home. */
export const writeMarker = (airflowHome: string, marker: MaintenanceMarker): Effect.Effect<void, Error> =>
  Effect.try({
    try: () => replace(markerFile(airflowHome), JSON.stringify(marker)),
    catch: (error) => (error instanceof Error ? error : new Error(String(error)))
  })

/** Answers a status request. */
export const writeStatus = (airflowHome: string, status: EdgeStatus): Effect.Effect<void> =>
  Effect.try({
    try: () => {
      // exactly the six keys, whatever else the value carries
      const { job_count, jobs, state, maintenance, maintenance_comments, drain } = status
      replace(
        statusFile(airflowHome),
        JSON.stringify({ job_count, jobs, state, maintenance, maintenance_comments, drain })
      )
    },
    catch: (error) => error
  }).pipe(
    Effect.catch((error) =>
      Effect.logWarning("the answer to SIGUSR2 could not be written", {
        path: statusFile(airflowHome),
        error: String(error)
      })
    )
  )

/** When the status file was written last, in epoch milliseconds; `undefined` where there is none. */
export const statusTime = (airflowHome: string): number | undefined => {
  try {
    return statSync(statusFile(airflowHome)).mtimeMs
  } catch {
    return undefined
  }
}

/** The status that a worker wrote, once the file's time is no longer `before`. */
export const readStatus = (airflowHome: string, before: number | undefined): Option.Option<EdgeStatus> => {
  const now = statusTime(airflowHome)
  if (now === undefined || now === before) return Option.none()
  try {
    return decodeStatus(readFileSync(statusFile(airflowHome), "utf8"))
  } catch {
    return Option.none()
  }
}
