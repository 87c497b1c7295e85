/** SysinfoFunction: edge3's extended sysinfo function in a Python process that stays, as it stays in edge3's worker. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { SysinfoFailed } from "./WorkerSysinfo.ts"

/**
 * Calls `[edge] extended_system_info_function` once a line of its input, as edge3 5.1.0 does each heartbeat
 * (`cli/worker.py`: an async function without arguments), with the folders on the path that Airflow puts there. The
 * process stays, because functions measure between two calls (psutil's `cpu_percent`). What the function prints does
 * not mix with the answer; an exception is answered as a JSON string.
 */
const program = `
import asyncio, importlib, inspect, json, os, sys
home, dags, path = sys.argv[1:4]
sys.path += [dags, os.path.join(home, "config"), os.path.join(home, "plugins")]
answers, sys.stdout = sys.stdout, sys.stderr
async def value():
    module, _, name = path.rpartition(".")
    result = getattr(importlib.import_module(module), name)()
    return await result if inspect.isawaitable(result) else result
loop = asyncio.new_event_loop()
for _ in sys.stdin:
    try:
        answer = loop.run_until_complete(value())
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    text = json.dumps(answer, default=lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v))
    print(text, file=answers, flush=True)
`

/** Where the function lives. */
export interface SysinfoFunctionOptions {
  readonly python: string
  readonly airflowHome: string
  readonly dagsFolder: string
  /** `package.module.function` */
  readonly path: string
}

interface Resident {
  readonly python: string
  readonly scope: Scope.Closeable
  readonly ask: Effect.Effect<string, SysinfoFailed>
}

const failed = (path: string, why: string) =>
  new SysinfoFailed({ reason: `[edge] extended_system_info_function ${path} ${why}` })

const start = Effect.fnUntraced(function* (
  options: SysinfoFunctionOptions,
  spawner: ChildProcessSpawner["Service"],
  parent: Scope.Scope
) {
  const scope = yield* Scope.fork(parent)
  const { airflowHome, dagsFolder, path, python } = options
  const requests = yield* Queue.unbounded<string>()
  const answers = yield* Queue.unbounded<string>()
  const handle = yield* spawner
    .spawn(
      ChildProcess.make(python, ["-c", program, airflowHome, dagsFolder, path], {
        stderr: "ignore",
        killSignal: "SIGKILL",
        forceKillAfter: "1 second"
      })
    )
    .pipe(
      Scope.provide(scope),
      Effect.mapError((error) => failed(path, `could not run: ${error.message}`)),
      Effect.tapError(() => Scope.close(scope, Exit.void))
    )
  yield* Stream.fromQueue(requests).pipe(
    Stream.encodeText,
    Stream.run(handle.stdin),
    Effect.ignore,
    Effect.forkIn(scope)
  )
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => Queue.offer(answers, line)),
    Effect.ignore,
    Effect.forkIn(scope)
  )
  const gone = Effect.exit(handle.exitCode).pipe(
    Effect.andThen(Effect.fail(failed(path, "has ended its Python")))
  )
  const ask = Queue.offer(requests, "\n").pipe(Effect.andThen(Effect.raceFirst(Queue.take(answers), gone)))
  return { python, scope, ask } satisfies Resident
})

/** Asks the function. One that was not answered before is ended, and a new one takes its place. */
export const makeSysinfoFunction = (spawner: ChildProcessSpawner["Service"], parent: Scope.Scope) => {
  let current: Resident | undefined
  const end = Effect.suspend(() => {
    const old = current
    current = undefined
    return old === undefined ? Effect.void : Scope.close(old.scope, Exit.void)
  })
  return Effect.fnUntraced(function* (options: SysinfoFunctionOptions) {
    if (current !== undefined && current.python !== options.python) yield* end
    current ??= yield* start(options, spawner, parent)
    return yield* Effect.onExit(current.ask, (exit) => (Exit.isSuccess(exit) ? Effect.void : end))
  })
}
