/** findWorker: which running worker a local command means. */
import { readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConfigInvalid } from "../config/ConfigInvalid.ts"
import type { LookupFailed } from "../config/Lookup.ts"
import { defaultPidFile, readPid } from "../platform/PidFile.ts"
import { identify, isAlive, mayBeWorker } from "../platform/ProcessIdentity.ts"
import {
  type Owner,
  parentFolder,
  readOwner,
  type StateLocation,
  stateFolderOf
} from "../platform/StatePaths.ts"
import { type CommandFailed, failed } from "./CommandFailed.ts"
import { canonicalHostName } from "./hostName.ts"
import { bySignal, type LocalWorker, ours } from "./LocalWorker.ts"
import { stateLocation } from "./stateLocation.ts"

/** How the command was told which worker is meant. */
export interface Which {
  /** `-H` */
  readonly name: string | undefined
  /** `--pid` */
  readonly pidFile: string | undefined
}

interface Running {
  readonly folder: string
  readonly owner: Owner
}

const running = (folder: string): Option.Option<Running> =>
  Option.map(
    Option.filter(readOwner(folder), (owner) => isAlive({ pid: owner.pid, startTime: owner.start_time })),
    (owner) => ({ folder, owner })
  )

const folders = (location: StateLocation): ReadonlyArray<string> => {
  const parent = parentFolder(location.airflowHome)
  try {
    return readdirSync(parent).map((entry) => join(parent, entry))
  } catch {
    return []
  }
}

/** Every worker of ours that runs under this configuration. */
const allRunning = (location: StateLocation): ReadonlyArray<Running> =>
  [...(location.stateFolder === undefined ? [] : [location.stateFolder]), ...folders(location)].flatMap(
    (folder) => Option.toArray(running(folder))
  )

const names = (all: ReadonlyArray<Running>): string =>
  all.length === 0 ? "" : ` Running here: ${all.map(({ owner }) => owner.worker_name).join(", ")}.`

const byName = (location: StateLocation, name: string): Effect.Effect<LocalWorker, CommandFailed> => {
  const all = allRunning(location)
  const found = all.find(({ owner }) => owner.worker_name === name)
  return found === undefined
    ? failed(
        "unexpected",
        `no worker called "${name}" runs on this machine (looked in ${stateFolderOf(location, name)}).${names(all)}`
      )
    : Effect.succeed(ours(found.folder, found.owner))
}

const byPidFile = (location: StateLocation, file: string): Effect.Effect<LocalWorker, CommandFailed> => {
  const pid = readPid(file)
  if (pid === undefined) return failed("unexpected", `no worker was found: there is no pid in ${file}`)
  const found = allRunning(location).find(({ owner }) => owner.pid === pid)
  if (found !== undefined) return Effect.succeed(ours(found.folder, found.owner))
  // SIGUSR2 ends a process that does not expect it
  return identify(pid) !== undefined && mayBeWorker(pid)
    ? Effect.succeed(bySignal(location.airflowHome, pid))
    : failed("unexpected", `no worker was found: ${file} names pid ${pid}, which is not a running worker`)
}

const byDefault = Effect.fnUntraced(function* (location: StateLocation) {
  const all = allRunning(location)
  const [first] = all
  if (first !== undefined && all.length === 1) return ours(first.folder, first.owner)
  if (first !== undefined) {
    const name = yield* canonicalHostName
    const found = all.find(({ owner }) => owner.worker_name === name)
    if (found !== undefined) return ours(found.folder, found.owner)
    return yield* failed(
      "unexpected",
      `several workers run on this machine; say which one with -H NAME.${names(all)}`
    )
  }
  const file = defaultPidFile(location.airflowHome)
  if (readPid(file) !== undefined) return yield* byPidFile(location, file)
  return yield* failed(
    "unexpected",
    `no worker runs on this machine (looked in ${location.stateFolder ?? parentFolder(location.airflowHome)} and for ${file}). ` +
      "Is AIRFLOW_HOME the worker's?"
  )
})

/**
 * The worker that is meant: by name, by pid file, else the only one that runs here, else the one with this machine's
 * name. Fails with exit 1 where there is none.
 */
export const findWorker = (
  which: Which
): Effect.Effect<LocalWorker, CommandFailed | ConfigInvalid | LookupFailed> =>
  Effect.flatMap(stateLocation, (location): Effect.Effect<LocalWorker, CommandFailed> => {
    if (which.name !== undefined) return byName(location, which.name)
    return which.pidFile === undefined ? byDefault(location) : byPidFile(location, resolve(which.pidFile))
  })
