/** SysinfoProgram: the operator's part of the sysinfo from a command, or from edge3's Python function. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { LocalAirflow } from "../platform/LocalAirflow.ts"
import { Sysinfo } from "../protocol/EdgeApi.ts"
import { ExtendedSysinfo, SysinfoFailed } from "./WorkerSysinfo.ts"

/**
 * Calls `[edge] extended_system_info_function` as edge3 5.1.0 does (`cli/worker.py`: an async function without
 * arguments), with the folders on the path that Airflow puts there. What the function prints does not mix with the
 * answer.
 */
const python = `
import asyncio, importlib, inspect, json, os, sys
home, dags, path = sys.argv[1:4]
sys.path += [dags, os.path.join(home, "config"), os.path.join(home, "plugins")]
answer, sys.stdout = sys.stdout, sys.stderr
module, _, name = path.rpartition(".")
value = getattr(importlib.import_module(module), name)()
if inspect.isawaitable(value):
    async def wait(awaitable):
        return await awaitable
    value = asyncio.run(wait(value))
json.dump(value, answer, default=lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v))
`

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Sysinfo))

/** The longest answer that is read, in characters. */
const longest = 65_536

const failed = (what: string, why: string) => new SysinfoFailed({ reason: `${what} ${why}` })

/** Runs the program to its end and reads what it printed. */
const ask = (what: string, command: ChildProcess.Command, spawner: ChildProcessSpawner["Service"]) =>
  Effect.gen(function* () {
    const handle = yield* spawner.spawn(command)
    const read = (stream: typeof handle.stdout) => Stream.mkString(Stream.decodeText(stream))
    const [stdout, stderr, code] = yield* Effect.all(
      [read(handle.stdout), read(handle.stderr), handle.exitCode],
      {
        concurrency: "unbounded"
      }
    )
    if (Number(code) !== 0)
      return yield* failed(what, `ended with code ${code}: ${stderr.trim().slice(-500)}`)
    return stdout.slice(0, longest)
  }).pipe(
    Effect.scoped,
    Effect.catchTag("PlatformError", (error) => Effect.fail(failed(what, `could not run: ${error.message}`))),
    Effect.flatMap((text) =>
      Effect.mapError(decode(text), () =>
        failed(what, 'did not answer with a JSON object of texts and numbers, such as {"status": 20}')
      )
    )
  )

/** Ends with the worker's patience; a program that hangs is killed. */
const limits = { killSignal: "SIGTERM", forceKillAfter: "2 seconds", stdin: "ignore" } as const

/** Gives `WorkerSysinfo` the operator's part, where one is configured. */
export const SysinfoProgram = {
  layer: Layer.effect(
    ExtendedSysinfo,
    Effect.gen(function* () {
      const { airflowHome, dagsFolder, extendedSystemInfoFunction: path, sysinfoCommand } = yield* EdgeConfig
      const spawner = yield* ChildProcessSpawner
      const local = yield* LocalAirflow
      if (sysinfoCommand !== undefined) {
        return ask(
          "[edge_worker] sysinfo_command",
          ChildProcess.make("sh", ["-c", sysinfoCommand], limits),
          spawner
        )
      }
      if (path === undefined) return undefined
      const what = `[edge] extended_system_info_function ${path}`
      return local.current.pipe(
        Effect.mapError((error) => failed(what, `needs a local Airflow: ${error.message}`)),
        Effect.flatMap((airflow) => {
          const dags = dagsFolder ?? `${airflowHome}/dags`
          return ask(
            what,
            ChildProcess.make(airflow.python, ["-c", python, airflowHome, dags, path], limits),
            spawner
          )
        })
      )
    })
  )
}
