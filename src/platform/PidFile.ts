/** PidFile: the pid file that `airflow edge status|maintenance|stop` read (edge3 5.1.0, `cli/signalling.py`). */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { identify, mayBeWorker } from "./ProcessIdentity.ts"

/** The pid file names another worker, or cannot be written. */
export class PidFileRefused extends Schema.TaggedError<PidFileRefused>()("PidFileRefused", {
  path: Schema.String,
  reason: Schema.String,
  remedy: Schema.String
}) {
  override get message() {
    return `the pid file ${this.path} ${this.reason}. ${this.remedy}`
  }
}

/** edge3's default: `$AIRFLOW_HOME/airflow-edge-worker.pid` (`airflow.utils.cli.setup_locations`). */
export const defaultPidFile = (airflowHome: string): string => join(airflowHome, "airflow-edge-worker.pid")

/** The pid in the file's first line, or `undefined` where there is no such file or no number in it. */
export const readPid = (path: string): number | undefined => {
  try {
    const pid = Number(readFileSync(path, "utf8").split("\n", 1)[0]?.trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

const failed = (path: string, error: unknown) =>
  new PidFileRefused({
    path,
    reason: `cannot be written (${error instanceof Error ? error.message : String(error)})`,
    remedy: "Choose another place with --pid"
  })

/** The worker whose process the file names, if it lives: never ourselves, never a process that took over its id. */
const holder = (path: string): number | undefined => {
  const pid = readPid(path)
  if (pid === undefined || pid === process.pid || identify(pid) === undefined) return undefined
  return mayBeWorker(pid) ? pid : undefined
}

/**
 * Writes this process's id and removes the file with the scope, if it is still ours.
 *
 * As edge3: a file that names another living worker refuses the start, an orphaned one is replaced. Unlike edge3 a
 * living process that is no worker does not block it (process ids come back after a reboot or in a new container).
 */
export const hold = Effect.fnUntraced(function* (path: string) {
  const other = holder(path)
  if (other !== undefined) {
    return yield* new PidFileRefused({
      path,
      reason: `names the worker with pid ${other}, which is running`,
      remedy: "Give this worker a pid file of its own with --pid"
    })
  }
  const orphaned = existsSync(path)
  if (orphaned) {
    const pid = readPid(path)
    yield* Effect.logWarning("the pid file is left from a worker that is gone; it is replaced", { path, pid })
  }
  yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        if (orphaned) rmSync(path, { force: true })
        // "wx": of two workers that start at once with one path only one wins
        writeFileSync(path, `${process.pid}\n`, { flag: "wx", mode: 0o644 })
      },
      catch: (error) => failed(path, error)
    }),
    () =>
      Effect.sync(() => {
        if (readPid(path) === process.pid) rmSync(path, { force: true })
      })
  )
})
