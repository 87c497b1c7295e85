/** TaskHosts: the task hosts of a worker: tasks in processes that are kept for the next one, as long as they are fit. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { EdgeConfig } from "../../config/EdgeConfig.ts"
import { WorkerIdentity } from "../../config/WorkerIdentity.ts"
import type { OomKills } from "../../platform/OomKills.ts"
import { Processes } from "../../platform/Processes.ts"
import { Programs } from "../../platform/Programs.ts"
import { StateFolder } from "../../platform/StateFolder.ts"
import { TaskProcesses } from "../../platform/TaskProcesses.ts"
import { hostWord } from "../../protocol/TaskHostLine.ts"
import { attemptNumbers } from "./attemptNumbers.ts"
import { type TaskName, TaskNotOpened, Tasks } from "./TaskChannel.ts"
import { type HostAfter, startTaskHost, type TaskHost } from "./TaskHost.ts"
import { markOfHost, marksOfHosts, taskHostEnvironment } from "./taskHostEnvironment.ts"

/** How tasks are started. */
export interface TaskHostsOptions {
  /** The program that has the tasks, and its arguments; `task-host` is added. */
  readonly program: ReadonlyArray<string>
  /** Its tasks, where they are known without asking it. */
  readonly tasks?: ReadonlyArray<TaskName> | undefined
}

interface Kept {
  readonly host: TaskHost
  readonly stamp: string
  attempts: number
}

/** How long a host may take to end in peace. */
const farewell = "2 seconds"

/** Runs each attempt of a program's tasks alone in a child process; a program that cannot be used fails the layer. */
export const layer = (
  options: TaskHostsOptions
): Layer.Layer<
  Tasks,
  TaskNotOpened,
  EdgeConfig | WorkerIdentity | OomKills | Processes | Programs | StateFolder | TaskProcesses
> => Layer.effect(Tasks, make(options))

const make = Effect.fnUntraced(function* ({ program, tasks }: TaskHostsOptions) {
  const { taskHostIdle, taskHostMemory, taskHostTasks } = yield* EdgeConfig
  const { concurrency, name: workerName } = yield* WorkerIdentity
  const processes = yield* Processes
  const programs = yield* Programs
  const taskProcesses = yield* TaskProcesses
  const scope = yield* Effect.scope
  const machine = yield* Effect.context<OomKills | Processes | TaskProcesses>()
  const shown = program.join(" ")
  // Nobody else has that folder while this worker lives.
  const { path: ours } = yield* StateFolder
  /** All that live; the last that came to rest is the next that is used. */
  const idle: Array<Kept> = []
  const alive = new Set<TaskHost>()
  const starting = yield* Semaphore.make(1)
  const [command = "", ...args] = program
  let names: { readonly stamp: string; readonly tasks: ReadonlyArray<TaskName> } | undefined
  const nextNumber = yield* attemptNumbers
  const unique = Effect.sync(() => crypto.randomUUID())

  // What a worker that died has left ends by itself, but perhaps not at once.
  yield* processes.killTree({ root: undefined, mark: marksOfHosts(ours) })

  const stampNow = Effect.suspend(() => taskProcesses.stamp(program))

  const start = Effect.fnUntraced(function* (stamp: string) {
    const path = yield* Effect.mapError(
      programs.find(command),
      (error) => new TaskNotOpened({ reason: `the task program ${shown} cannot be run: ${error.message}` })
    )
    const own = yield* unique
    const host = yield* Effect.provide(
      startTaskHost({
        command: path,
        args: [...args, hostWord],
        env: taskHostEnvironment(processes.environment, { worker: ours, host: own }, workerName),
        shown,
        mark: markOfHost(own)
      }),
      machine
    )
    alive.add(host)
    yield* Effect.forkIn(
      Effect.andThen(
        host.ended,
        Effect.sync(() => alive.delete(host))
      ),
      scope
    )
    names = { stamp, tasks: host.tasks }
    return { host, stamp, attempts: 0 } satisfies Kept
  })

  const end = ({ host }: Kept) =>
    host.close.pipe(
      Effect.andThen(Effect.timeoutOption(host.ended, farewell)),
      // Whatever it has left goes with it.
      Effect.andThen(host.kill)
    )

  /** Takes an idle host away from where the next attempt would find it. False where that has happened. */
  const taken = (kept: Kept) => {
    const at = idle.indexOf(kept)
    if (at !== -1) idle.splice(at, 1)
    return at !== -1
  }

  const rest = Effect.fnUntraced(function* (kept: Kept, after: HostAfter) {
    if (after === "gone") return
    const memory = (yield* taskProcesses.memory(kept.host.pid)) ?? 0
    if (kept.attempts >= taskHostTasks || memory > taskHostMemory || idle.length >= concurrency) {
      yield* Effect.forkIn(end(kept), scope)
      return
    }
    idle.push(kept)
    const { attempts } = kept
    yield* Effect.sleep(taskHostIdle).pipe(
      Effect.andThen(
        Effect.suspend(() => (kept.attempts === attempts && taken(kept) ? end(kept) : Effect.void))
      ),
      Effect.forkIn(scope)
    )
  })

  const acquire = Effect.gen(function* () {
    const stamp = yield* stampNow
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      if (kept.stamp === stamp && (yield* kept.host.isAlive)) return kept
      yield* Effect.forkIn(end(kept), scope)
    }
    return yield* start(stamp)
  })

  yield* Effect.addFinalizer(() =>
    Effect.forEach([...alive], (host) => host.kill, { concurrency: "unbounded", discard: true })
  )

  /** The names as the program has them now; as it had them last where it cannot be asked. */
  const registered = Semaphore.withPermit(
    starting,
    Effect.gen(function* () {
      const stamp = yield* stampNow
      if (names?.stamp === stamp) return names.tasks
      if (names !== undefined) yield* Effect.logInfo(`the task program ${shown} has changed`)
      // None of those that wait is of any use now.
      for (const kept of idle.splice(0)) yield* Effect.forkIn(end(kept), scope)
      yield* rest(yield* start(stamp), "usable")
      return names?.tasks ?? []
    })
  )
  if (tasks === undefined) yield* registered
  else names = { stamp: yield* stampNow, tasks }

  return Tasks.of({
    registered: Effect.catch(registered, (error) =>
      Effect.as(Effect.logWarning(error.message), names?.tasks ?? [])
    ),
    open: ({ claim: { job } }) =>
      Effect.acquireRelease(
        Effect.gen(function* () {
          const has = yield* registered
          if (!has.some(({ dag_id, task_id }) => dag_id === job.dag_id && task_id === job.task_id)) {
            return yield* new TaskNotOpened({
              reason: `the task program ${shown} has no task ${job.dag_id}.${job.task_id}`
            })
          }
          const kept = yield* acquire
          kept.attempts++
          return yield* kept.host.begin({
            mark: `end of attempt ${yield* unique}`,
            pid: taskHostTasks === 1 ? kept.host.pid : nextNumber(),
            onEnd: (after) => rest(kept, after)
          })
        }),
        (channel) => channel.kill
      )
  })
})
