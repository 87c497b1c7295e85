/** StateFolder: the worker's private folder, locked for its whole life: owner, socket, jobs/, journal. */
import { existsSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { WorkerIdentity } from "../config/WorkerIdentity.ts"
import * as FolderLock from "./FolderLock.ts"
import { isLocal } from "./isLocal.ts"
import { noteOf } from "./JobFolder.ts"
import { sweep } from "./JobLeftovers.ts"
import { makeFolders } from "./makeFolders.ts"
import { here, type NameHeld, provesDead, readNameHeld } from "./NameProof.ts"
import * as PrivateFolder from "./PrivateFolder.ts"
import { identify, isAlive } from "./ProcessIdentity.ts"
import { LONGEST_SOCKET_PATH, type Owner, readOwner, stateFolderOf } from "./StatePaths.ts"

/** Another worker runs on this state folder. */
export class WorkerRunsHere extends Schema.TaggedError<WorkerRunsHere>()("WorkerRunsHere", {
  workerName: Schema.String,
  path: Schema.String,
  /** Absent where the other one has not written it yet. */
  pid: Schema.optionalKey(Schema.Int),
  startedAt: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const who = this.pid === undefined ? "" : ` with pid ${this.pid}, started ${this.startedAt}`
    return (
      `a worker called "${this.workerName}" already runs here${who} (it holds ${this.path}). ` +
      "Stop it with `edge-worker stop`, or give this one another name with -H"
    )
  }
}

/** A job's folder cannot be made: the disk is full, or has no inode left. */
export class JobFolderRefused extends Schema.TaggedError<JobFolderRefused>()("JobFolderRefused", {
  reason: Schema.String
}) {
  override get message() {
    return `its folder cannot be made: ${this.reason}`
  }
}

/** The folder of the running worker; building the layer creates, checks and locks it. */
export class StateFolder extends Context.Service<
  StateFolder,
  {
    /** Absolute path, mode 0700, ours. */
    readonly path: string
    /** `jobs/`: a folder a job. */
    readonly jobs: string
    /** Where the local commands connect to; short enough for a unix socket. */
    readonly socketPath: string
    /**
     * Who held the folder before and did not end cleanly. It is dead: its lock was free. On another machine where
     * the folder lies on a network file system, so compare `machine`.
     */
    readonly predecessor: Option.Option<Owner>
    /**
     * What is known of the worker that held this name at the site before and said no goodbye: `dead` is proved, so its
     * name may be taken over; `unproved` may be a worker that lives elsewhere, also because the last heartbeat is so
     * long ago that the site may have given the name to another; `asked`: it was asked to take one that is gone, and
     * nobody heard what it said; `none` there was none.
     */
    readonly nameBefore: "none" | "dead" | "unproved" | "asked"
    /** How long from the start on `dead` stays true, in milliseconds: until the site may give the name to another. */
    readonly provedFor: number
    /** The site is about to be asked to take us under our name. */
    readonly askName: Effect.Effect<void>
    /** The site has taken us under our name, or a heartbeat. */
    readonly holdName: Effect.Effect<void>
    /** The site has heard our goodbye, or refused us. */
    readonly freeName: Effect.Effect<void>
    /** `jobs/ID`, mode 0700; made where it is not there. */
    readonly jobFolder: (id: string) => Effect.Effect<string, JobFolderRefused>
    /** With the note beside it. */
    readonly removeJobFolder: (id: string) => Effect.Effect<void>
    /** Removes the folders and notes of jobs that are over, but for those that are still to be settled. */
    readonly sweep: (keep: ReadonlySet<string>) => Effect.Effect<void>
  }
>()("edge-worker/platform/StateFolder") {
  /** Fails where another worker holds the folder, or where the folder is not private, not ours or cannot lock. */
  static readonly layer: Layer.Layer<
    StateFolder,
    WorkerRunsHere | PrivateFolder.FolderUnusable,
    EdgeConfig | WorkerIdentity
  > = Layer.effect(
    StateFolder,
    Effect.gen(function* () {
      const identity = yield* WorkerIdentity
      const config = yield* EdgeConfig
      const { heartbeatInterval } = config
      const path = stateFolderOf(config, identity.name)
      yield* PrivateFolder.ensure(path)
      yield* lock(path, identity.name)
      const predecessor = readOwner(path)
      yield* writeOwner(path, identity.name)
      const now = here(join(path, "lock"))
      const time = yield* Clock.currentTimeMillis
      const provedFor = heldFor(path, 5 * Duration.toMillis(heartbeatInterval), time)
      const jobs = join(path, "jobs")
      yield* PrivateFolder.ensure(jobs)
      // A full disk refuses the note of each heartbeat: only the first is worth a line.
      let isRefused = false
      const note = (more: Pick<NameHeld, "asked">) =>
        Effect.suspend(() => {
          const say = isRefused ? Effect.logDebug : Effect.logWarning
          isRefused = true
          const write = () => {
            const held: NameHeld = {
              worker_name: identity.name,
              pid: process.pid,
              start_time: identify(process.pid)?.startTime ?? null,
              ...now,
              ...more
            }
            writeByRename(path, "name.json", JSON.stringify(held))
            isRefused = false
          }
          return attempt("the worker's hold on its name could not be noted", write, say)
        })
      return StateFolder.of({
        path,
        jobs,
        predecessor,
        provedFor,
        nameBefore: Option.match(
          Option.filter(readNameHeld(path), (held) => held.worker_name === identity.name),
          {
            onNone: () => "none" as const,
            onSome: (held) =>
              held.asked === true
                ? "asked"
                : provedFor > 0 && provesDead(held, now, isLocal(path))
                  ? "dead"
                  : "unproved"
          }
        ),
        askName: note({ asked: true }),
        holdName: note({}),
        freeName: Effect.sync(() => rmSync(join(path, "name.json"), { force: true })),
        socketPath: yield* chooseSocketPath(path),
        jobFolder: (id) => jobFolder(jobs, id),
        removeJobFolder: (id) => removeFolder(join(jobs, id)),
        sweep: (keep) => sweep(jobs, keep)
      })
    })
  )
}

const lock = (path: string, workerName: string) =>
  FolderLock.acquire(join(path, "lock")).pipe(
    Effect.catchTags({
      LockHeld: () => {
        const owner = Option.filter(readOwner(path), (found) =>
          isAlive({ pid: found.pid, startTime: found.start_time })
        )
        return Effect.fail(
          Option.match(owner, {
            onNone: () => new WorkerRunsHere({ workerName, path }),
            onSome: (found) =>
              new WorkerRunsHere({
                workerName: found.worker_name,
                path,
                pid: found.pid,
                startedAt: found.started_at
              })
          })
        )
      },
      LockUnusable: (error) =>
        Effect.fail(
          new PrivateFolder.FolderUnusable({
            path,
            reason: `cannot be locked (${error.reason})`,
            remedy: "Set [edge_worker] state_folder to a folder on a local disk"
          })
        )
    })
  )

const writeByRename = (path: string, name: string, text: string) => {
  writeFileSync(join(path, `${name}.new`), text, { mode: 0o600 })
  renameSync(join(path, `${name}.new`), join(path, name))
}

/** Written by rename, so that a reader never sees half of it; removed at a clean end. */
const writeOwner = (path: string, workerName: string) =>
  Effect.acquireRelease(
    Effect.map(Clock.currentTimeMillis, (now) => {
      const owner: Owner = {
        worker_name: workerName,
        pid: process.pid,
        start_time: identify(process.pid)?.startTime ?? null,
        started_at: new Date(now).toISOString(),
        machine: hostname()
      }
      writeByRename(path, "owner.json", JSON.stringify(owner))
    }),
    () => Effect.sync(() => rmSync(join(path, "owner.json"), { force: true }))
  )

/** A long path gets a private folder elsewhere, which the file `socket` names for the local commands. */
const chooseSocketPath = Effect.fnUntraced(function* (path: string) {
  const pointer = join(path, "socket")
  rmSync(pointer, { force: true })
  const inside = join(path, "control.sock")
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH) return inside
  return yield* Effect.acquireRelease(
    Effect.flatMap(privateRuntimeFolder, (folder) =>
      Effect.sync(() => {
        writeFileSync(`${pointer}.new`, join(folder, "control.sock"), { mode: 0o600 })
        renameSync(`${pointer}.new`, pointer)
        return join(folder, "control.sock")
      })
    ),
    (socket) =>
      Effect.sync(() => {
        rmSync(pointer, { force: true })
        rmSync(join(socket, ".."), { recursive: true, force: true })
      })
  )
})

const privateRuntimeFolder = Effect.suspend(() => {
  const folder = join(
    process.env["XDG_RUNTIME_DIR"] ?? tmpdir(),
    `edge-worker-${process.pid}-${randomName()}`
  )
  return PrivateFolder.ensure(folder).pipe(Effect.as(folder))
})

const randomName = () => crypto.randomUUID().slice(0, 8)

const jobFolder = (jobs: string, id: string) =>
  Effect.try({
    try: () => {
      const folder = join(jobs, id)
      makeFolders(folder, 0o700)
      return folder
    },
    catch: (cause) => new JobFolderRefused({ reason: cause instanceof Error ? cause.message : String(cause) })
  })

const removeFolder = (folder: string) =>
  attempt(`the job folder ${folder} could not be removed`, () => {
    // Looked for first: a removal of what is not there costs more than the look.
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
    if (existsSync(noteOf(folder))) unlinkSync(noteOf(folder))
  })

const attempt = (problem: string, act: () => void, say = Effect.logWarning) =>
  Effect.try({ try: act, catch: String }).pipe(Effect.catch((error) => say(problem, { error })))

/** How long the site still holds the name for the one who noted it: it gives a silent worker up after `limit`. */
const heldFor = (path: string, limit: number, now: number): number => {
  const noted = statSync(join(path, "name.json"), { throwIfNoEntry: false })
  // A note from the future is of a clock that was set since: it says nothing of how old it is.
  return noted === undefined ? 0 : limit - Math.abs(now - noted.mtimeMs)
}
