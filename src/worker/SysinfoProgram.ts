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
import { makeSysinfoFunction } from "./SysinfoFunction.ts"
import { ExtendedSysinfo, SysinfoFailed } from "./WorkerSysinfo.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Sysinfo))

/** The longest answer that is read, in characters. */
const longest = 65_536
/** How much of a command's complaints is told, in characters: their end. */
const longestComplaint = 500

const failed = (what: string, why: string) => new SysinfoFailed({ reason: `${what} ${why}` })

/** What was printed, as the sysinfo that it must be. */
const read = (what: string, text: string) =>
  Effect.mapError(decode(text.slice(0, longest)), () => {
    const shown = text.trim().slice(0, 200)
    return failed(
      what,
      `did not give an object of texts and numbers, such as {"status": 20}, but ${shown || "nothing"}`
    )
  })

/** Runs a command to its end and gives what it printed. */
const run = (what: string, command: ChildProcess.Command, spawner: ChildProcessSpawner["Service"]) =>
  Effect.gen(function* () {
    const handle = yield* spawner.spawn(command)
    // All is read, lest the command waits for ever, but no more is kept than is used: it may print without end.
    const kept = (stream: typeof handle.stdout, keep: (text: string) => string) =>
      Stream.runFold(
        Stream.decodeText(stream),
        () => "",
        (text, more) => keep(text + more)
      )
    const [stdout, stderr, code] = yield* Effect.all(
      [
        kept(handle.stdout, (text) => text.slice(0, longest)),
        kept(handle.stderr, (text) => text.slice(-2 * longestComplaint)),
        handle.exitCode
      ],
      {
        concurrency: "unbounded"
      }
    )
    if (Number(code) !== 0)
      return yield* failed(what, `ended with code ${code}: ${stderr.trim().slice(-longestComplaint)}`)
    return stdout
  }).pipe(
    Effect.scoped,
    Effect.catchTag("PlatformError", (error) => Effect.fail(failed(what, `could not run: ${error.message}`)))
  )

/** Ends with the worker's patience; a command that hangs is killed. */
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
        const what = "[edge_worker] sysinfo_command"
        const command = ChildProcess.make("sh", ["-c", sysinfoCommand], limits)
        return Effect.flatMap(run(what, command, spawner), (text) => read(what, text))
      }
      if (path === undefined) return undefined
      const what = `[edge] extended_system_info_function ${path}`
      const call = makeSysinfoFunction(spawner, yield* Effect.scope)
      const dags = dagsFolder ?? `${airflowHome}/dags`
      return local.current.pipe(
        Effect.mapError((error) => failed(what, `needs a local Airflow: ${error.message}`)),
        Effect.flatMap(({ python }) => call({ python, airflowHome, dagsFolder: dags, path })),
        Effect.flatMap((text) => read(what, text))
      )
    })
  )
}
