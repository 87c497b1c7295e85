/** Processes: starts processes that outlive this one, knows them again, and removes a job's whole tree. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { isMachineFault } from "./MachineFault.ts"
import { identify, isAlive, type ProcessIdentity } from "./ProcessIdentity.ts"
import { type Membership, members, row } from "./ProcessTable.ts"

/** The program could not be started. */
export class SpawnFailed extends Schema.TaggedError<SpawnFailed>()("SpawnFailed", {
  command: Schema.String,
  reason: Schema.String,
  /** Whether no program could be started on this machine now. */
  isMachineFault: Schema.Boolean
}) {
  override get message() {
    return `${this.command} could not be started: ${this.reason}`
  }
}

/** What to start. */
export interface SpawnOptions {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string | undefined
  /** Text for its standard input; nothing where absent. */
  readonly stdin?: string | undefined
  /** Files, appended to: a pipe would end the process when this one goes. */
  readonly stdout: string
  readonly stderr: string
}

/** How a process of ours ended. */
export type ProcessEnd = { readonly code: number } | { readonly signal: string }

/** A process that we have started. */
export interface StartedProcess extends ProcessIdentity {
  readonly ended: Effect.Effect<ProcessEnd>
}

/** A job's tree: its first process, where that is known, and its mark `NAME=VALUE`. */
export interface ProcessTree extends Pick<Membership, "root" | "mark" | "since"> {}

/** The processes of this machine. */
export class Processes extends Context.Service<
  Processes,
  {
    /** The environment that this process was started with. */
    readonly environment: Readonly<Record<string, string>>
    /** Starts a process in a session of its own. Neither scopes nor our end touch it. */
    readonly spawn: (options: SpawnOptions) => Effect.Effect<StartedProcess, SpawnFailed>
    /** The process behind a pid; a zombie is none. */
    readonly identify: (pid: number) => Effect.Effect<ProcessIdentity | undefined>
    readonly isAlive: (identity: ProcessIdentity) => Effect.Effect<boolean>
    /** Looks every 250 ms whether the process is gone. For processes that are not our children. */
    readonly awaitGone: (identity: ProcessIdentity) => Effect.Effect<void>
    /** Sends a signal to this very process. False where it is gone or not ours to signal. */
    readonly signal: (identity: ProcessIdentity, signal: NodeJS.Signals) => Effect.Effect<boolean>
    /**
     * SIGKILL to all that belongs to the tree, repeated until nothing is left; never to this process or those above
     * it. Returns the pids that may not be signalled (another user's, as with `run_as_user`).
     */
    readonly killTree: (tree: ProcessTree) => Effect.Effect<ReadonlyArray<number>>
  }
>()("edge-worker/platform/Processes") {
  static readonly layer: Layer.Layer<Processes> = Layer.sync(Processes, () => {
    const environment: Record<string, string> = {}
    for (const [name, value] of Object.entries(process.env))
      if (value !== undefined) environment[name] = value
    return Processes.of({
      environment,
      spawn: spawnDetached,
      identify: (pid) => Effect.sync(() => identify(pid)),
      isAlive: (identity) => Effect.sync(() => isAlive(identity)),
      awaitGone: (identity) =>
        Effect.gen(function* () {
          while (isAlive(identity)) yield* Effect.sleep("250 millis")
        }),
      signal: (identity, signal) =>
        Effect.sync(() => isAlive(identity) && send(identity.pid, signal) === "sent"),
      killTree
    })
  })
}

const spawnDetached = (options: SpawnOptions): Effect.Effect<StartedProcess, SpawnFailed> =>
  Effect.callback((resume) => {
    const files: Array<number> = []
    const failed = (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      resume(
        Effect.fail(
          new SpawnFailed({ command: options.command, reason, isMachineFault: isMachineFault(error) })
        )
      )
    }
    try {
      const stdout = openSync(options.stdout, "a", 0o600)
      files.push(stdout)
      const stderr = openSync(options.stderr, "a", 0o600)
      files.push(stderr)
      const child = spawn(options.command, options.args, {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: [options.stdin === undefined ? "ignore" : "pipe", stdout, stderr]
      })
      child.once("error", failed)
      const { pid } = child
      if (pid === undefined) return
      const ended = Deferred.makeUnsafe<ProcessEnd>()
      child.once("exit", (code, signal) =>
        Deferred.doneUnsafe(ended, Effect.succeed(signal === null ? { code: code ?? 1 } : { signal }))
      )
      // A process that ends before it has read its input breaks the pipe: its exit says all there is to say.
      child.stdin?.on("error", () => undefined)
      child.stdin?.end(options.stdin)
      child.unref()
      // Node reaps it in a later turn of the event loop, so its row is still there, if only as a zombie.
      resume(
        Effect.succeed({ pid, startTime: row(pid)?.startTime ?? null, ended: keepingAlive(child, ended) })
      )
    } catch (error) {
      failed(error)
    } finally {
      for (const file of files) closeSync(file)
    }
  })

/** Only who waits for its end keeps this process running for it. */
const keepingAlive = (child: ChildProcess, ended: Deferred.Deferred<ProcessEnd>) =>
  Effect.suspend(() => {
    child.ref()
    return Effect.ensuring(
      Deferred.await(ended),
      Effect.sync(() => child.unref())
    )
  })

const send = (pid: number, signal: NodeJS.Signals): "sent" | "gone" | "refused" => {
  try {
    process.kill(pid, signal)
    return "sent"
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM" ? "refused" : "gone"
  }
}

/**
 * Stops all members first, again and again until no new one appears: what is stopped cannot fork, so none escapes
 * between the look and the signal. All in one turn of the event loop: nothing may come between STOP and KILL.
 */
const strike = (tree: ProcessTree, known: Map<number, string>): ReadonlyArray<number> => {
  const seen = new Set<number>()
  const refused = new Set<number>()
  for (let round = 0; round < 100; round++) {
    const fresh = members({ ...tree, known }).filter((one) => !seen.has(one.pid))
    if (fresh.length === 0) break
    for (const one of fresh) {
      seen.add(one.pid)
      known.set(one.pid, one.startTime)
      if (send(one.pid, "SIGSTOP") === "refused") refused.add(one.pid)
    }
  }
  for (const pid of seen) if (!refused.has(pid)) send(pid, "SIGKILL")
  return [...refused]
}

const killTree = Effect.fnUntraced(function* (tree: ProcessTree) {
  const known = new Map<number, string>()
  for (let round = 0; ; round++) {
    const refused = strike(tree, known)
    // Dead at once as a rule; one that waits for a disk or a network file system takes until that answers.
    yield* Effect.sleep(Math.min(1_000, 5 * 2 ** Math.min(round, 10)))
    const left = members({ ...tree, known }).filter((one) => !refused.includes(one.pid))
    if (left.length === 0) return refused
    if (round === 12) {
      yield* Effect.logWarning("processes of a job do not end although they were killed; waiting for them", {
        pids: left.map((one) => one.pid)
      })
    }
  }
})
