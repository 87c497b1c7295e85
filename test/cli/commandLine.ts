/** Runs the command line of `fakeWorker.ts` in real processes; tests wait for what these say and never for a time. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"

const fake = join(import.meta.dirname, "fakeWorker.ts")

/** A process that has started. */
export interface Started {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until stdout or stderr contains the text; fails with all output if the process ends before that. */
  readonly says: (text: string) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the exit code, or for the name of the signal that ended it. */
  readonly ended: Effect.Effect<number | NodeJS.Signals | null>
}

/** An `$AIRFLOW_HOME` of its own, removed afterwards. */
export const temporaryHome = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (home) => Effect.sync(() => rmSync(home, { recursive: true, force: true }))
)

const clean = (): NodeJS.ProcessEnv => {
  const env = { ...process.env }
  for (const name of Object.keys(env))
    if (/^(AIRFLOW|FAKE_|EDGE_WORKER|NODE_OPTIONS)/.test(name)) delete env[name]
  return env
}

/** Starts a program; whatever is left of it is killed with the scope. */
export const startProgram = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(command, args, { env: { ...clean(), ...env }, stdio: ["ignore", "pipe", "pipe"] })
      ),
      (child) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          child.kill("SIGKILL")
          await once(child, "exit")
        })
    ),
    observe
  )

/** Starts `edge-worker ARGS` in a home. */
export const start = (
  home: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
) => startProgram(process.execPath, ["--disable-sigusr1", fake, ...args], { AIRFLOW_HOME: home, ...env })

const observe = (child: ChildProcess): Started => {
  let stdout = ""
  let stderr = ""
  let closed = false
  const listeners = new Set<() => void>()
  const notify = () => {
    for (const listener of listeners) listener()
  }
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk
    notify()
  })
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk
    notify()
  })
  child.on("close", () => {
    closed = true
    notify()
  })
  const until = (done: () => boolean) =>
    Effect.callback<void>((resume) => {
      const listener = () => {
        if (done() || closed) resume(Effect.void)
      }
      listeners.add(listener)
      listener()
      return Effect.sync(() => listeners.delete(listener))
    })
  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    says: (text) => {
      const said = () => stdout.includes(text) || stderr.includes(text)
      return Effect.andThen(
        until(said),
        Effect.suspend(() =>
          said() ? Effect.void : Effect.die(new Error(`never said "${text}":\n${stdout}\n${stderr}`))
        )
      )
    },
    signal: (signal) => Effect.sync(() => child.kill(signal)),
    ended: Effect.map(
      until(() => false),
      () => child.exitCode ?? child.signalCode
    )
  }
}

/** Runs a command to its end. */
export const run = (home: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const command = yield* start(home, args, env)
      const code = yield* command.ended
      return { code, stdout: command.stdout(), stderr: command.stderr() }
    })
  )

/** A worker that has come as far as pretending to work. */
export const running = Effect.fnUntraced(function* (
  home: string,
  args: ReadonlyArray<string> = ["-H", "one"],
  env: Readonly<Record<string, string>> = {}
) {
  const worker = yield* start(home, ["worker", ...args], env)
  yield* worker.says("running\n")
  return worker
})
