/** A task program for tests: tasks that behave, and tasks that do all that a task must not do. */
import { spawn } from "node:child_process"
import { appendFileSync, existsSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { runTaskHost } from "../../../src/cli/taskHost.ts"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"

/** The folder that the run's `conf` names, for what the test looks for. */
const scratch = TaskContext.use(({ params }) => Effect.succeed(String(params["scratch"])))
const file = (name: string) => Effect.map(scratch, (folder) => join(folder, name))
const note = (name: string, text = "") => Effect.map(file(name), (path) => appendFileSync(path, text))
const waitFor = (name: string) =>
  Effect.gen(function* () {
    const path = yield* file(name)
    while (!existsSync(path)) yield* Effect.sleep("5 millis")
  })

const task = (taskId: string, run: Effect.Effect<unknown, unknown, TaskContext>) =>
  Task.make({ dagId: "dag", taskId, run: () => run })

const leftBehind = (detached: boolean) =>
  Effect.gen(function* () {
    const child = spawn(
      process.execPath,
      ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"],
      {
        detached,
        stdio: detached ? "ignore" : "inherit",
        // a mark that is wiped must not hide it
        env: {}
      }
    )
    yield* note("grandchild", String(child.pid))
    child.unref()
  })

/** On the host's line, as no task should. */
const say = (line: string) => {
  let rest = Buffer.from(`${line}\n`)
  while (rest.length > 0)
    try {
      rest = rest.subarray(writeSync(3, rest))
    } catch {
      // The pipe is full.
    }
}
const saying = (line: string) =>
  Effect.andThen(
    Effect.sync(() => say(line)),
    Effect.never
  )

runTaskHost([
  task("ok", Effect.succeed({ answer: 42 })),
  task(
    "pid",
    Effect.sync(() => process.pid)
  ),
  task("wait", Effect.andThen(note("ready"), waitFor("go"))),
  task(
    "words",
    Effect.sync(() => {
      process.stdout.write("one\n\ntwo\r\nthree without an end")
      process.stderr.write(Buffer.from([0x61, 0xff, 0x0a, 0x0a]))
    })
  ),
  task(
    "flood",
    Effect.sync(() => {
      for (let line = 0; line < 200; line++) process.stdout.write(`${line} ${"x".repeat(50_000)}\n`)
    })
  ),
  task(
    "chatter",
    Effect.gen(function* () {
      const text = "x".repeat(100_000)
      const before = process.memoryUsage.rss()
      for (let line = 0; line < 2_000; line++) yield* Effect.logInfo(`${line} ${text}`)
      return process.memoryUsage.rss() - before
    })
  ),
  task(
    "environment",
    Effect.flatMap(file("environment"), (path) =>
      Effect.sync(() => writeFileSync(path, JSON.stringify(process.env)))
    )
  ),
  task(
    "busy",
    Effect.andThen(
      note("ready"),
      Effect.sync(() => {
        while (true);
      })
    )
  ),
  task(
    "exit",
    Effect.sync(() => process.exit(3))
  ),
  task(
    "crash",
    Effect.andThen(
      note("ready"),
      Effect.sync(() => process.kill(process.pid, "SIGKILL"))
    )
  ),
  task(
    "throws",
    Effect.callback(() => {
      setTimeout(() => {
        throw new Error("nobody catches this")
      })
    })
  ),
  task(
    "rejects",
    Effect.callback(() => {
      void Promise.reject(new Error("nobody waits for this"))
    })
  ),
  task(
    "leaks",
    Effect.sync(() => {
      const kept: Array<Array<number>> = []
      while (true) kept.push(new Array(10_000).fill(1).map((_, index) => index + Math.random()))
    })
  ),
  task("stubborn", Effect.uninterruptible(Effect.andThen(note("ready"), Effect.never))),
  task("polite", Effect.andThen(note("ready"), Effect.never)),
  task("leaves", leftBehind(false)),
  task("leavesDaemon", leftBehind(true)),
  task("tree", Effect.andThen(leftBehind(true), Effect.never)),
  task("garbles", saying("this is no JSON")),
  task("digs", saying(`{"log":{"event":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`)),
  task(
    "rambles",
    Effect.sync(() => {
      const keys = Array.from({ length: 200_000 }, (_, n) => `"k${n}":${n}`)
      say(`{"log":{"timestamp":"2026-01-01T00:00:00Z","level":"info","event":"keys",${keys}}}`)
      process.stdout.write(`${"x".repeat(500_000)}tail\n`)
      say('{"log":{"timestamp":"2026-01-01T00:00:00Z","level":"info","event":"after"}}')
    })
  ),
  {
    ...task("defective", Effect.void),
    get defaults(): never {
      throw new Error("a part of it is broken")
    }
  },
  task("declaims", Effect.logInfo("y".repeat(3_000_000), { more: "z".repeat(3_000_000) }))
])
