/** daemonize: starts the worker in a session of its own and returns when it is online or has failed. */
import { spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { EdgeSettings } from "../config/EdgeConfig.ts"
import { statusFile } from "../platform/Usr2Files.ts"
import { type CommandFailed, failed, UsageError } from "./CommandFailed.ts"
import { DaemonMessage, MARK } from "./daemonChild.ts"
import { type ExitName, exitCodes } from "./ExitCode.ts"
import { print } from "./print.ts"
import type { WorkerOptions } from "./workerOptions.ts"

/** Where a daemon writes. */
export interface DaemonFiles {
  readonly stdout: string
  readonly stderr: string
  readonly log: string
}

/**
 * Airflow's names in `$AIRFLOW_HOME`, but for stdout: its default, `airflow-edge-worker.out`, is the file through which
 * `airflow edge status` is answered, so a daemon's stdout goes where its stderr goes.
 */
export const daemonFiles = (
  options: WorkerOptions,
  airflowHome: string
): Effect.Effect<DaemonFiles, UsageError> => {
  const stderr = options.stderr ?? join(airflowHome, "airflow-edge-worker.err")
  const files = {
    stderr,
    stdout: options.stdout ?? stderr,
    log: options.logFile ?? join(airflowHome, "airflow-edge-worker.log")
  }
  const taken = Object.values(files).includes(statusFile(airflowHome))
  return taken
    ? Effect.fail(
        new UsageError({
          command: "edge-worker worker",
          problems: [
            `${statusFile(airflowHome)} is the file that answers \`airflow edge status\`; choose another one`
          ]
        })
      )
    : Effect.succeed(files)
}

/** The site may be away for long: the daemon goes on trying, the command does not wait for ever. */
const PATIENCE_MILLIS = 30_000

const decode = Schema.decodeUnknownOption(DaemonMessage)

const exitNamed = (code: number | null): ExitName => {
  const found = Object.entries(exitCodes).find(([, entry]) => entry.code === code)
  // the entries' keys are the names
  return found === undefined || found[0] === "ok" ? "unexpected" : (found[0] as ExitName)
}

/** Starts this very command again as a daemon; fails as the daemon fails where that is before it is online. */
export const daemonize = (
  options: WorkerOptions,
  settings: EdgeSettings
): Effect.Effect<void, UsageError | CommandFailed> =>
  Effect.flatMap(daemonFiles(options, settings.airflowHome), (files) =>
    Effect.callback<string, CommandFailed>((resume) => {
      process.umask(settings.daemonUmask)
      const out = openSync(files.stdout, "a", 0o666)
      const err = openSync(files.stderr, "a", 0o666)
      const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        detached: true,
        // the launcher (bin/edge-worker.mjs) has kept NODE_OPTIONS apart for the tasks already
        env: { ...process.env, [MARK]: "1" },
        stdio: ["ignore", out, err, "ipc"]
      })
      closeSync(out)
      closeSync(err)
      let problem: string | null = null
      let why = ""
      const leave = (text: string) => {
        clearTimeout(timer)
        child.removeAllListeners()
        if (child.connected) child.disconnect()
        child.unref()
        resume(Effect.succeed(text))
      }
      const timer = setTimeout(
        () =>
          leave(
            `The worker runs with pid ${child.pid}, and is not online yet${problem === null ? "" : `: ${problem}`}. ` +
              `It goes on trying; see ${files.log}`
          ),
        PATIENCE_MILLIS
      )
      child.on("message", (raw) => {
        const message = Option.getOrUndefined(decode(raw))
        if (message?._tag === "Waiting") problem = message.problem
        if (message?._tag === "Failed") why = message.message
        if (message?._tag === "Online") {
          leave(`Worker "${message.name}" is online with pid ${child.pid}. Its log: ${files.log}`)
        }
      })
      child.once("error", (error) =>
        resume(failed("unexpected", `the daemon was not started: ${error.message}`))
      )
      child.once("exit", (code, signal) => {
        clearTimeout(timer)
        const how = signal === null ? `with code ${code}` : `by ${signal}`
        resume(
          code === 0
            ? Effect.succeed("The worker has ended before it was online.")
            : failed(exitNamed(code), why === "" ? `the daemon ended ${how}; see ${files.stderr}` : why)
        )
      })
      return Effect.sync(() => {
        clearTimeout(timer)
        child.kill("SIGTERM")
      })
    })
  ).pipe(Effect.flatMap((text) => print(`${text}\n`)))
