/** TaskHost: one process that serves tasks, from its greeting to its end; each attempt in it is a channel. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { OomKills } from "../../platform/OomKills.ts"
import { type ProcessEnd, Processes, type ProcessTree } from "../../platform/Processes.ts"
import { type TaskProcess, TaskProcesses, type TaskProgramOptions } from "../../platform/TaskProcesses.ts"
import * as Json from "../../protocol/Json.ts"
import { FromHost, Greeting, type ToHost, version } from "../../protocol/TaskHostLine.ts"
import { type Heard, heardQueue } from "./heardQueue.ts"
import { type TaskChannel, type TaskGone, type TaskName, TaskNotOpened } from "./TaskChannel.ts"

/** How long a program may take to its greeting. */
const startPatience = "10 seconds"
/** How long a host whose task has ended may take to say so on all streams. */
const restPatience = "2 seconds"
/** Lines of stderr that stand in the message where a program does not start. */
const FIRST_WORDS = 20

/** Characters of a log message; a page shows a quarter of it at most, and one of many keys would hold up the worker. */
const LONGEST_LOG = 2 ** 20
/** Characters of what is no message: more than anybody is shown, as a secret in it is hidden only where it is whole. */
const MOST_SAID = 65_536
const isLog = /^\s*\{\s*"log"\s*:/

/** What stands in the log instead, which gives it the time. */
const leftOut = (line: string): FromHost => ({
  log: {
    timestamp: "",
    level: "warning",
    event: `a line of ${line.length} characters was left out of the log: it takes none beyond ${LONGEST_LOG}`
  }
})

/** An attempt as the host knows it. */
interface Current {
  readonly mark: string
  readonly heard: Heard
  /** Where the mark has been seen. */
  readonly marked: Set<"line" | "stdout" | "stderr">
  readonly told: Deferred.Deferred<void>
  readonly resting: Deferred.Deferred<void>
  heapFull: boolean
}

/** What an attempt leaves of its host. */
export type HostAfter = "usable" | "gone"

/** A host that has greeted. */
export interface TaskHost {
  readonly pid: number
  readonly tasks: ReadonlyArray<TaskName>
  /** Fails never: a host that is gone by now gives a channel whose task is gone. One at a time. */
  readonly begin: (options: {
    /** Never used before. */
    readonly mark: string
    /** The channel's. */
    readonly pid: number
    /** Called before anybody hears of the end. */
    readonly onEnd: (after: HostAfter) => Effect.Effect<void>
  }) => Effect.Effect<TaskChannel>
  readonly isAlive: Effect.Effect<boolean>
  readonly ended: Effect.Effect<ProcessEnd>
  /** Ends it in peace, for one without a task. */
  readonly close: Effect.Effect<void>
  readonly kill: Effect.Effect<void>
}

const decodeGreeting = Schema.decodeUnknownOption(Schema.fromJsonString(Greeting))
const decodeMessage = Schema.decodeUnknownOption(FromHost)

const parsed = (line: string): Option.Option<FromHost> => {
  if (line.length > LONGEST_LOG && isLog.test(line)) return Option.some(leftOut(line))
  try {
    return decodeMessage(Json.parse(line))
  } catch {
    return Option.none()
  }
}

const describe = (end: ProcessEnd) =>
  "code" in end ? `it ended with code ${end.code}` : `it was killed by ${end.signal}`

/** Starts the program and waits for its greeting. Nothing of it runs where that fails. */
export const startTaskHost = Effect.fnUntraced(function* (
  program: TaskProgramOptions & { readonly shown: string; readonly mark: string }
) {
  const oomKills = yield* OomKills
  const processes = yield* Processes
  const taskProcesses = yield* TaskProcesses
  const greeted = Deferred.makeUnsafe<ReadonlyArray<TaskName>, TaskNotOpened>()
  const words: Array<string> = []
  let current: Current | undefined
  let garbled: (TaskGone & { readonly _tag: "Garbled" }) | undefined
  let killed = false

  const refused = (reason: string) => {
    const said = words.join("\n").trim()
    return new TaskNotOpened({
      reason: `the task program ${program.shown} cannot be used: ${reason}${said === "" ? "" : `:\n${said}`}`
    })
  }
  const greet = (line: string) => {
    const { hello } = Option.getOrElse(decodeGreeting(line), () => ({ hello: undefined }))
    const problem =
      hello === undefined
        ? "its first line on descriptor 3 is no greeting of a task host"
        : hello.protocol !== version
          ? `it speaks version ${hello.protocol} of the task host's protocol, this worker version ${version}`
          : undefined
    Deferred.doneUnsafe(
      greeted,
      hello === undefined || problem !== undefined
        ? Effect.fail(refused(problem ?? ""))
        : Effect.succeed(hello.tasks)
    )
  }
  const saw = (where: "line" | "stdout" | "stderr", mark: string) => {
    if (current === undefined || mark !== current.mark) return false
    current.marked.add(where)
    if (where === "line") Deferred.doneUnsafe(current.told, Effect.void)
    if (current.marked.size === 3) Deferred.doneUnsafe(current.resting, Effect.void)
    return true
  }
  /** From here on nothing that it says counts. */
  const garble = (reason: string, said?: string) => {
    if (garbled !== undefined) return
    garbled = { _tag: "Garbled", reason, said }
    Effect.runFork(kill)
  }
  const onLine = (line: string) => {
    if (!Deferred.isDoneUnsafe(greeted)) return greet(line)
    if (garbled !== undefined) return
    const message = Option.getOrUndefined(parsed(line))
    if (message === undefined) return garble("a line that is no message", line.slice(0, MOST_SAID))
    if ("ended" in message) saw("line", message.ended)
    else current?.heard.offer({ _tag: "Said", message }, line.length)
  }
  /** An empty line waits: the host ends a last line without an end before it marks, and no line is then empty. */
  const held = { stdout: false, stderr: false }
  const onOutput = (stream: "stdout" | "stderr", line: string) => {
    const emptyBefore = held[stream]
    held[stream] = false
    if (saw(stream, line)) return
    if (emptyBefore) wrote(stream, "")
    if (line === "") held[stream] = true
    else wrote(stream, line)
  }
  const wrote = (stream: "stdout" | "stderr", line: string) => {
    if (current === undefined) {
      if (words.push(line) > FIRST_WORDS) words.shift()
      return
    }
    if (line.includes("JavaScript heap out of memory")) current.heapFull = true
    current.heard.offer({ _tag: "Wrote", stream, line }, line.length)
  }

  /** When nothing was there besides the host itself. */
  let clean = yield* taskProcesses.now
  const process: TaskProcess = yield* taskProcesses
    .spawn(program, {
      onLine,
      onTooLong: () => garble("a line of more than 64 MiB"),
      onOutput
    })
    .pipe(Effect.mapError((error) => new TaskNotOpened({ reason: error.message })))
  const tree = (): ProcessTree => ({ root: process, mark: program.mark, since: clean })
  const kill = Effect.suspend(() => processes.killTree(tree())).pipe(
    Effect.tap((left) =>
      left.length === 0
        ? Effect.void
        : Effect.logWarning("processes of a task belong to another user and could not be killed", {
            pids: left
          })
    ),
    Effect.asVoid
  )

  /** Why a process was killed, where that is known. */
  const whyOf = Effect.fnUntraced(function* (
    signal: string,
    { heapFull }: Current,
    oom: Readonly<Record<string, number>>
  ) {
    if (killed) return "the worker killed it"
    if (signal === "SIGABRT" && heapFull) return "its heap was full (see --max-old-space-size of Node)"
    const place = signal === "SIGKILL" ? yield* oomKills.risen(oom) : undefined
    return place === undefined
      ? undefined
      : `the kernel's out-of-memory killer (oom_kill count of ${place} rose)`
  })

  /** Waits for the task's end or the process's, and for all that was written before. */
  const goneOf = Effect.fnUntraced(function* (
    attempt: Current,
    oom: Readonly<Record<string, number>>
  ): Effect.fn.Return<readonly [TaskGone, HostAfter]> {
    const rested = Deferred.await(attempt.told).pipe(
      Effect.andThen(Effect.timeoutOption(Deferred.await(attempt.resting), restPatience)),
      Effect.map(Option.isSome)
    )
    const seen = yield* Effect.raceFirst(rested, process.ended)
    if (typeof seen === "boolean") {
      const now = yield* taskProcesses.now
      const left = yield* taskProcesses.below(tree())
      if (seen && left.length === 0) {
        // Not the attempt's begin: what it left to itself may start something before the next one begins.
        clean = now
        return [{ _tag: "Returned" }, "usable"]
      }
      yield* Effect.logWarning(
        left.length === 0
          ? "a task's process does not come to rest after its task has ended: it is killed"
          : "a task has left processes behind: they are killed, and its own with them",
        { pids: left }
      )
      yield* kill
      // What is late may be so because nobody had read it yet.
      yield* process.drained
      return [{ _tag: "Returned" }, "gone"]
    }
    // What it had started may hold its output open.
    yield* kill
    yield* process.drained
    if (garbled !== undefined) return [garbled, "gone"]
    if ("code" in seen) return [{ _tag: "Exited", code: seen.code }, "gone"]
    const why = yield* whyOf(seen.signal, attempt, oom)
    return [{ _tag: "Killed", signal: seen.signal, why }, "gone"]
  })

  const begin: TaskHost["begin"] = Effect.fnUntraced(function* ({ mark, onEnd, pid }) {
    const attempt: Current = {
      mark,
      heard: heardQueue(process.flow),
      marked: new Set(),
      told: Deferred.makeUnsafe(),
      resting: Deferred.makeUnsafe(),
      heapFull: false
    }
    const oom = yield* oomKills.count(process.pid)
    current = attempt
    words.length = 0
    let gone = false
    const send = (message: ToHost) => {
      const line = gone ? undefined : Json.stringify(message)
      if (line !== undefined) process.send(line)
    }
    yield* goneOf(attempt, oom).pipe(
      Effect.flatMap(([how, after]) => {
        gone = true
        current = undefined
        return Effect.ensuring(
          onEnd(after),
          Effect.sync(() => attempt.heard.offer({ _tag: "Gone", how }, 0))
        )
      }),
      Effect.forkDetach({ startImmediately: true })
    )
    send({ begin: mark })
    return {
      pid,
      mark: program.mark,
      send: (message) => Effect.sync(() => send(message)),
      heard: attempt.heard.take,
      kill: Effect.suspend(() => {
        if (gone) return Effect.void
        killed = true
        return kill
      })
    }
  })

  const tasks = yield* Effect.raceFirst(
    Deferred.await(greeted),
    Effect.flatMap(process.ended, (end) =>
      Effect.andThen(
        process.drained,
        Effect.suspend(() => Effect.fail(refused(describe(end))))
      )
    )
  ).pipe(
    Effect.timeoutOrElse({
      duration: startPatience,
      orElse: () => Effect.suspend(() => Effect.fail(refused(`it has said nothing for ${startPatience}`)))
    }),
    Effect.onError(() => kill)
  )
  const host: TaskHost = {
    pid: process.pid,
    tasks,
    begin,
    isAlive: processes.isAlive(process),
    ended: process.ended,
    close: process.close,
    kill
  }
  return host
})
