/** PythonHosts: the Python host that takes the next job: found, started, or replaced by one that fits. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { HostFolder, type HostPlace } from "../platform/HostFolder.ts"
import { JobFolder } from "../platform/JobFolder.ts"
import { LineSocket } from "../platform/LineSocket.ts"
import { Processes } from "../platform/Processes.ts"
import { connect, type HostConnection } from "./HostConnection.ts"

/** No host can be had now; the job runs in a fresh interpreter instead. */
export class NoHost extends Schema.TaggedError<NoHost>()("NoHost", { reason: Schema.String }) {
  override get message() {
    return `no Python host: ${this.reason}`
  }
}

/** What a host must be started with. */
export interface HostWanted {
  readonly python: string
  /** The host's program: `python/host.py` as a file. */
  readonly program: string
  /** What it runs: `airflow`, or `MODULE:CLASS` for tests. */
  readonly runs: string
  /** Whether its processes may leave core dumps. */
  readonly coreDumps: boolean
  readonly env: Readonly<Record<string, string>>
  /** A host of another one does not fit. */
  readonly fingerprint: string
}

/** A host that we are connected to. */
export interface Host extends HostPlace {
  readonly connection: HostConnection
  /** Ends the connection, not the host. */
  readonly leave: Effect.Effect<void>
}

/** How long the import of Airflow may take before the host counts as failed. */
const startPatience = "120 seconds"
/** How long an earlier worker's host, which has imported Airflow long ago, may take to say so. */
const findPatience = "10 seconds"
/** How long no other start is tried after a failed one. */
const pause = Duration.toMillis(Duration.minutes(1))

/** The hosts of this worker: at most one takes new jobs; others end when theirs have ended. */
export class PythonHosts extends Context.Service<
  PythonHosts,
  {
    /** The host for the next job. Who asks while one is being started waits for that start. */
    readonly acquire: (wanted: HostWanted) => Effect.Effect<Host, NoHost>
    /** Asks the host for no more jobs: it refuses them. Those that run there are still watched. */
    readonly release: (host: Host) => Effect.Effect<void>
    /** Ends a host that does not answer, with certainty: what it had not started by then never will. */
    readonly abandon: (host: Host) => Effect.Effect<void>
    /** A connection to the host of an earlier worker, where it is still there. */
    readonly find: (folder: string) => Effect.Effect<Option.Option<HostConnection>>
  }
>()("edge-worker/runner/PythonHosts") {
  static readonly layer = Layer.effect(
    PythonHosts,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const folders = yield* HostFolder
      const jobFolder = yield* JobFolder
      const processes = yield* Processes
      const sockets = yield* LineSocket
      const scope = yield* Effect.scope
      const permit = yield* Semaphore.make(1)
      /** By folder: one connection a host, however many ask. */
      const open = new Map<string, Host>()
      let current: Host | undefined
      let failed:
        | { readonly until: number; readonly fingerprint: string; readonly reason: string }
        | undefined

      const processOf = (place: HostPlace) => jobFolder.process(place.folder)
      const isAlive = (place: HostPlace) =>
        Effect.map(
          processOf(place),
          Option.exists((found) => found.alive)
        )

      /** Connects, and forgets the host when the connection ends. */
      const attach = Effect.fnUntraced(function* (place: HostPlace) {
        const known = open.get(place.folder)
        if (known !== undefined) return known
        const own = yield* Scope.fork(scope)
        const connection = yield* connect(`${place.folder}/socket`).pipe(
          Scope.provide(own),
          Effect.provideService(LineSocket, sockets),
          Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit)))
        )
        const host: Host = { ...place, connection, leave: Scope.close(own, Exit.void) }
        open.set(place.folder, host)
        const forget = Effect.sync(() => {
          open.delete(place.folder)
          if (current === host) current = undefined
        })
        yield* connection.closed.pipe(Effect.andThen(forget), Effect.forkIn(scope))
        return host
      })

      /** A host that an earlier worker, or this one, has left running. Folders of dead hosts are removed. */
      const findRunning = Effect.fnUntraced(function* (fingerprint: string) {
        for (const place of yield* folders.list) {
          if (!(yield* isAlive(place))) yield* folders.remove(place.folder)
          else if (place.fingerprint === fingerprint) {
            const usable = yield* Effect.gen(function* () {
              const host = yield* attach(place)
              // A host that is stopped accepts the connection and says nothing.
              yield* Effect.timeout(host.connection.ready, startPatience)
              const { retired } = yield* host.connection.request({ op: "list" })
              return retired === true ? undefined : host
            }).pipe(Effect.orElseSucceed(() => undefined))
            if (usable !== undefined) return usable
          }
        }
        return undefined
      })

      const startNew = Effect.fnUntraced(function* (wanted: HostWanted) {
        const place = yield* folders
          .create(wanted.fingerprint)
          .pipe(Effect.mapError((error) => new NoHost({ reason: error.message })))
        const idle = Duration.toSeconds(config.pythonHostIdle)
        const args = [
          wanted.program,
          "--folder",
          place.folder,
          "--runner",
          wanted.runs,
          "--idle",
          `${idle}`,
          ...(wanted.coreDumps ? ["--core-dumps"] : [])
        ]
        const output = { stdout: `${place.folder}/stdout`, stderr: `${place.folder}/stderr` }
        const started = yield* processes
          .spawn({ command: wanted.python, args, env: wanted.env, ...output })
          .pipe(Effect.mapError((error) => new NoHost({ reason: error.message })))
        const ready = Effect.gen(function* () {
          yield* jobFolder.writeProcess(place.folder, started)
          // The socket is there some 50 ms after the start, long before Airflow is imported.
          while (yield* processes.isAlive(started)) {
            const host = yield* Effect.option(attach(place))
            if (Option.isSome(host)) return yield* Effect.as(host.value.connection.ready, host.value)
            yield* Effect.sleep("10 millis")
          }
          return yield* new NoHost({ reason: "it ended before it was ready" })
        })
        const host = yield* ready.pipe(
          Effect.timeoutOrElse({
            duration: startPatience,
            orElse: () => Effect.fail(new NoHost({ reason: `it was not ready within ${startPatience}` }))
          }),
          Effect.catch(
            Effect.fnUntraced(function* (error) {
              yield* processes.signal(started, "SIGKILL")
              const stderr = (yield* jobFolder.stderr(place.folder)).trim()
              yield* folders.remove(place.folder)
              const problem = error._tag === "NoHost" ? error.reason : error.message
              return yield* new NoHost({ reason: stderr === "" ? problem : `${problem}:\n${stderr}` })
            })
          )
        )
        const { threads } = yield* Effect.orDie(host.connection.ready)
        if (threads > 1) {
          yield* Effect.logWarning(
            `the Python host runs ${threads} threads after its imports, and a fork may deadlock; find what starts ` +
              "them (traces, a plugin), or set [core] execute_tasks_new_python_interpreter = True"
          )
        }
        yield* Effect.logDebug("a Python host is ready", { pid: started.pid, folder: place.folder })
        return host
      })

      const acquire = Effect.fnUntraced(function* (wanted: HostWanted) {
        if (current?.fingerprint === wanted.fingerprint) return current
        if (current !== undefined) {
          yield* Effect.logInfo(
            "the local Airflow or its environment has changed: the next jobs get a new Python host"
          )
          yield* Effect.ignore(current.connection.request({ op: "retire" }))
          current = undefined
        }
        const now = yield* Clock.currentTimeMillis
        if (failed?.fingerprint === wanted.fingerprint && now < failed.until) {
          return yield* new NoHost({ reason: failed.reason })
        }
        const running = yield* findRunning(wanted.fingerprint)
        const start = startNew(wanted).pipe(
          Effect.tapError((error) =>
            Effect.suspend(() => {
              failed = { until: now + pause, fingerprint: wanted.fingerprint, reason: error.reason }
              return Effect.logWarning(
                `jobs start in fresh Python interpreters, which takes longer: ${error.message}`
              )
            })
          )
        )
        const host = running ?? (yield* start)
        failed = undefined
        current = host
        // Last in, first out: it is still connected then. A host without jobs ends at once, any other with its last.
        yield* Scope.addFinalizer(
          scope,
          host.connection.request({ op: "retire" }).pipe(Effect.timeoutOption("1 second"), Effect.ignore)
        )
        return host
      })

      return PythonHosts.of({
        acquire: (wanted) => Semaphore.withPermit(permit, acquire(wanted)),
        release: (host) =>
          Effect.sync(() => {
            if (current === host) current = undefined
          }),
        abandon: Effect.fnUntraced(function* (host) {
          if (current === host) current = undefined
          const found = yield* processOf(host)
          if (Option.isSome(found) && found.value.alive) {
            yield* processes.signal(found.value.identity, "SIGKILL")
            yield* processes.awaitGone(found.value.identity)
          }
          yield* host.leave
        }),
        find: Effect.fnUntraced(
          function* (folder) {
            const place = (yield* folders.list).find((one) => one.folder === folder)
            if (place === undefined || !(yield* isAlive(place))) return Option.none()
            const { connection } = yield* attach(place)
            // From here on it tells every end: what ended before is seen to be gone.
            return yield* Effect.as(Effect.timeout(connection.ready, findPatience), Option.some(connection))
          },
          Effect.orElseSucceed(() => Option.none())
        )
      })
    })
  )
}
