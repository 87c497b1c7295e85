/** Tasks in processes of their own, which are used again: what is heard of them, what they get, and what ends a process. */
import { spawn } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identify } from "../../src/platform/ProcessIdentity.ts"
import { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import { suite } from "../suites/tasks.ts"
import { scratchFolder, startLayer } from "./runnerLayer.ts"
import { bundled } from "./tasks/bundle.ts"
import { begin, commandOf, follow, hostsLayer, scratchOf } from "./tasks/hosts.ts"
import { until } from "./until.ts"

const text = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined)

const program = commandOf(await bundled("program.ts"))
const suiteProgram = commandOf(await bundled("suiteProgram.ts"))

type Options = Partial<Parameters<typeof hostsLayer>[1]>

suite("tasks in processes", (folder) => hostsLayer(folder, { program: suiteProgram }), { ownProcess: true })

const setUp = Effect.fnUntraced(function* (options: Options = {}) {
  const folder = yield* scratchFolder
  const { context, stop } = yield* startLayer(hostsLayer(folder, { program, ...options }))
  const tasks = Context.get(context, Tasks)
  let number = 0
  return {
    folder,
    tasks,
    stop,
    /** One attempt to its end. */
    run: (task: string) =>
      begin(task, scratchOf(folder, `${task}-${number++}`)).pipe(
        Effect.flatMap(follow),
        Effect.scoped,
        Effect.provide(context)
      ),
    /** One that the test goes on with. */
    start: (task: string) => {
      const scratch = scratchOf(folder, `${task}-${number++}`)
      return Effect.map(Effect.provide(begin(task, scratch), context), (channel) => ({ scratch, channel }))
    }
  }
})

const pidOf = (seen: { readonly values: ReadonlyArray<unknown> }) => Number(seen.values[0])

describe("task hosts", () => {
  it.live("know the program's tasks, and run one after the other in one process", () =>
    Effect.gen(function* () {
      const { run, tasks } = yield* setUp()
      assert.deepInclude(yield* tasks.registered, { dag_id: "dag", task_id: "ok" })
      const ok = yield* run("ok")
      assert.deepInclude(ok, { end: "SucceedTask", gone: { _tag: "Returned" }, values: [{ answer: 42 }] })
      const [first, second] = [yield* run("pid"), yield* run("pid")]
      assert.isAbove(pidOf(first), 0)
      assert.strictEqual(pidOf(first), pidOf(second))
    })
  )

  it.live("give tasks that run at once a process each, and a number each", () =>
    Effect.gen(function* () {
      const { run, start } = yield* setUp()
      const waiting = yield* start("wait")
      const beside = yield* run("pid")
      writeFileSync(join(waiting.scratch, "go"), "")
      assert.strictEqual((yield* follow(waiting.channel)).end, "SucceedTask")
      const after = yield* start("pid")
      assert.isAbove(waiting.channel.pid, 4_194_304)
      assert.notStrictEqual(after.channel.pid, waiting.channel.pid)
      assert.notStrictEqual(pidOf(yield* follow(after.channel)), pidOf(beside))
    })
  )

  it.live("tell each line of the output, all of it before the end", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp()
      const seen = yield* run("words")
      assert.deepStrictEqual(seen.stdout, ["one", "", "two", "three without an end"])
      assert.deepStrictEqual(seen.stderr, ["a\ufffd", ""])
      const flood = yield* run("flood")
      assert.strictEqual(flood.stdout.length, 200)
      assert.match(flood.stdout[199] ?? "", /^199 x{50000}$/)
    })
  )

  it.live("hold a task up that logs faster than anybody reads, and keep nothing of it in memory", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp()
      const { log, values } = yield* run("chatter")
      assert.deepStrictEqual([log.length, log.at(-1)?.event.slice(0, 6)], [2_000, "1999 x"])
      assert.isBelow(Number(values[0]), 100_000_000)
    })
  )

  it.live("end where they are told what they do not understand, and leave no attempt waiting", () =>
    Effect.gen(function* () {
      const { start } = yield* setUp()
      const { channel } = yield* start("wait")
      yield* channel.send({ details: { type: "of another version" } } as never)
      const { gone, log } = yield* follow(channel)
      assert.deepStrictEqual(gone, { _tag: "Exited", code: 1 })
      assert.match(JSON.stringify(log.at(-1)), /the worker said what this program does not understand/)
    })
  )

  it.live("give a task no secret of the worker, none of Airflow's values, and its own NODE_OPTIONS", () =>
    Effect.gen(function* () {
      const { folder, run } = yield* setUp({
        env: {
          AIRFLOW__API_AUTH__JWT_SECRET: "a secret",
          AIRFLOW__EDGE_WORKER__MANAGEMENT_TOKEN: "a secret",
          AIRFLOW_CONN_DB: "a secret",
          AIRFLOW_VAR_KEY: "a secret",
          EDGE_WORKER_TASK_NODE_OPTIONS: "--title=of-tasks",
          NODE_OPTIONS: "",
          MINE: "mine"
        }
      })
      yield* run("environment")
      const seen = JSON.parse(text(join(folder, "scratch", "environment-0", "environment")) ?? "{}")
      assert.deepInclude(seen, { MINE: "mine", HOSTNAME: "here", NODE_OPTIONS: "--title=of-tasks" })
      assert.notInclude(JSON.stringify(seen), "a secret")
    })
  )

  it.live("replace a process after so many attempts, and one that holds too much memory", () =>
    Effect.gen(function* () {
      const counted = yield* setUp({ settings: { taskHostTasks: 2 } })
      const pids = [yield* counted.run("pid"), yield* counted.run("pid"), yield* counted.run("pid")].map(
        pidOf
      )
      assert.strictEqual(pids[0], pids[1])
      assert.notStrictEqual(pids[1], pids[2])
      const small = yield* setUp({ settings: { taskHostMemory: 1 } })
      assert.notStrictEqual(pidOf(yield* small.run("pid")), pidOf(yield* small.run("pid")))
    })
  )

  it.live("end a process that nobody has needed for a while", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp({ settings: { taskHostIdle: "0 seconds" as never } })
      const pid = pidOf(yield* run("pid"))
      yield* until(() => (identify(pid) === undefined ? true : undefined))
    })
  )

  it.live("leave nothing behind when the worker ends, also of a task that blocks", () =>
    Effect.gen(function* () {
      const { run, start, stop } = yield* setUp()
      const idle = pidOf(yield* run("pid"))
      const busy = yield* start("busy")
      yield* until(() => text(join(busy.scratch, "ready")))
      yield* stop
      assert.isUndefined(identify(idle))
      assert.deepInclude((yield* follow(busy.channel)).gone, { _tag: "Killed", signal: "SIGKILL" })
    })
  )

  it.live("end with a worker that is killed, also where a task blocks", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const args = [join(import.meta.dirname, "tasks", "doomed.ts"), folder, program.at(-1) ?? ""]
      const worker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
      let said = ""
      worker.stdout.on("data", (data) => {
        said += data
      })
      const host = yield* until(() => Number(/^\d+\n/.exec(said)?.[0]) || undefined)
      assert.isDefined(identify(host))
      worker.kill("SIGKILL")
      yield* until(() => (identify(host) === undefined ? true : undefined))
    })
  )

  it.live("say what is wrong with a program that does not start", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const problemOf = (wrong: ReadonlyArray<string>) =>
        Effect.map(
          Effect.flip(Effect.scoped(startLayer(hostsLayer(folder, { program: wrong })))),
          (error) => error.message
        )
      const dies = yield* problemOf([
        process.execPath,
        "-e",
        "console.error('no such module'); process.exit(5)"
      ])
      assert.match(dies, /it ended with code 5:\nno such module$/)
      const chats = yield* problemOf([process.execPath, "-e", "require('fs').writeSync(3, 'hello\\n')"])
      assert.include(chats, "its first line on descriptor 3 is no greeting")
      assert.include(yield* problemOf(["no-such-program"]), "is in no folder of the worker's PATH")
    })
  )
})

describe("a program that is changed while the worker runs", () => {
  const named = (tasks: ReadonlyArray<{ readonly task_id: string }>) => tasks.map(({ task_id }) => task_id)
  const changing = Effect.fnUntraced(function* () {
    const file = join(yield* scratchFolder, "program.cjs")
    copyFileSync(program.at(-1) ?? "", file)
    const change = (text: Buffer | string) =>
      Effect.sync(() => {
        // As a deployment does it: the old file stays whole for who has it open.
        writeFileSync(`${file}.new`, text)
        renameSync(`${file}.new`, file)
      })
    return { change, ...(yield* setUp({ program: commandOf(file) })) }
  })

  it.live("gives the next attempts a process of the new one, and lets those that run end in theirs", () =>
    Effect.gen(function* () {
      const { change, run, start, tasks } = yield* changing()
      const waiting = yield* start("wait")
      yield* until(() => text(join(waiting.scratch, "ready")))
      const idle = pidOf(yield* run("pid"))
      assert.include(named(yield* tasks.registered), "wait")
      yield* change(readFileSync(suiteProgram.at(-1) ?? ""))
      const names = named(yield* tasks.registered)
      assert.include(names, "echoes")
      assert.notInclude(names, "wait")
      assert.strictEqual((yield* run("echoes")).end, "SucceedTask")
      yield* until(() => identify(idle) === undefined || undefined)
      writeFileSync(join(waiting.scratch, "go"), "")
      assert.deepInclude(yield* follow(waiting.channel), { end: "SucceedTask", gone: { _tag: "Returned" } })
    })
  )

  it.live("that does not start any more keeps its names, and opens none until it does", () =>
    Effect.gen(function* () {
      const { change, run, tasks } = yield* changing()
      yield* run("pid")
      yield* change("console.error('half of a deployment'); process.exit(1)")
      assert.include(named(yield* tasks.registered), "pid")
      const error = yield* Effect.flip(run("pid"))
      assert.match(error.message, /it ended with code 1:\nhalf of a deployment$/)
      yield* change(readFileSync(program.at(-1) ?? ""))
      assert.strictEqual((yield* run("ok")).end, "SucceedTask")
    })
  )
})

describe("a task that breaks its process", () => {
  const broken = (task: string, gone: object, log?: string) =>
    it.live(`${task}: is told as what it is, and the next task gets another process`, () =>
      Effect.gen(function* () {
        const { run } = yield* setUp()
        const before = pidOf(yield* run("pid"))
        const seen = yield* run(task)
        assert.deepInclude(seen.gone, gone)
        assert.isUndefined(seen.end)
        if (log !== undefined) assert.include(JSON.stringify(seen.log), log)
        const after = yield* run("pid")
        assert.deepStrictEqual(after.gone, { _tag: "Returned" })
        assert.notStrictEqual(pidOf(after), before)
      })
    )
  broken("exit", { _tag: "Exited", code: 3 })
  broken("crash", { _tag: "Killed", signal: "SIGKILL", why: undefined })
  broken("throws", { _tag: "Exited", code: 1 }, "nobody catches this")
  broken("rejects", { _tag: "Exited", code: 1 }, "nobody waits for this")
  broken("leaks", {
    _tag: "Killed",
    signal: "SIGABRT",
    why: "its heap was full (see --max-old-space-size of Node)"
  })
  broken("defective", { _tag: "Exited", code: 1 }, "a part of it is broken")
  broken("garbles", { _tag: "Garbled", reason: "a line that is no message", said: "this is no JSON" })
  broken("digs", {
    _tag: "Garbled",
    reason: "a line that is no message",
    said: `{"log":{"event":${"[".repeat(65_520)}`
  })

  it.live("rambles: a line of the log that is too long is left out, of its output the rest", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp()
      const seen = yield* run("rambles")
      assert.deepInclude(seen, { end: "SucceedTask", gone: { _tag: "Returned" } })
      const [left, after] = seen.log
      assert.match(left?.event ?? "", /^a line of \d{7} characters was left out of the log/)
      assert.strictEqual(Object.keys(left ?? {}).length, 3)
      assert.strictEqual(after?.event, "after")
      assert.deepStrictEqual(seen.stdout, ["x".repeat(384 * 1024)])
    })
  )

  it.live("declaims: a long text is logged, as far as anybody reads it", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp()
      const { end, log } = yield* run("declaims")
      assert.strictEqual(end, "SucceedTask")
      assert.match(log[0]?.event ?? "", /^y{300000}/)
      assert.match(String(log[0]?.["more"]), /^z{70000}/)
    })
  )

  it.live("busy, stubborn: a kill ends it at once", () =>
    Effect.gen(function* () {
      const { start } = yield* setUp()
      for (const task of ["busy", "stubborn"]) {
        const { channel, scratch } = yield* start(task)
        yield* until(() => text(join(scratch, "ready")))
        yield* channel.send({ cancel: true })
        yield* channel.kill
        const { gone } = yield* follow(channel)
        assert.deepStrictEqual(gone, { _tag: "Killed", signal: "SIGKILL", why: "the worker killed it" })
      }
    })
  )

  it.live("what it has left behind goes with its process", () =>
    Effect.gen(function* () {
      const { folder, run, start } = yield* setUp()
      for (const [index, task] of ["leaves", "leavesDaemon"].entries()) {
        const seen = yield* run(task)
        assert.deepInclude(seen, { end: "SucceedTask", gone: { _tag: "Returned" } })
        const left = Number(text(join(folder, "scratch", `${task}-${index}`, "grandchild")))
        assert.isUndefined(identify(left))
      }
      const tree = yield* start("tree")
      const grandchild = yield* until(() => Number(text(join(tree.scratch, "grandchild"))) || undefined)
      yield* tree.channel.kill
      assert.isUndefined(identify(grandchild))
      yield* follow(tree.channel)
    })
  )

  it.live("ends it when nobody listens any more", () =>
    Effect.gen(function* () {
      const { run, start } = yield* setUp()
      const beside = yield* start("wait")
      const scratch = yield* Effect.scoped(
        Effect.gen(function* () {
          const polite = yield* start("tree")
          yield* until(() => text(join(polite.scratch, "grandchild")))
          return polite.scratch
        })
      )
      assert.isUndefined(identify(Number(text(join(scratch, "grandchild")))))
      writeFileSync(join(beside.scratch, "go"), "")
      assert.strictEqual((yield* follow(beside.channel)).end, "SucceedTask")
      assert.strictEqual((yield* run("ok")).end, "SucceedTask")
    })
  )

  it.live("a cancelled task ends itself", () =>
    Effect.gen(function* () {
      const { start } = yield* setUp()
      const { channel, scratch } = yield* start("polite")
      const seen = yield* Effect.forkChild(follow(channel))
      yield* until(() => text(join(scratch, "ready")))
      yield* channel.send({ cancel: true })
      assert.deepInclude(yield* Fiber.join(seen), { end: "TaskState", gone: { _tag: "Returned" } })
    })
  )
})
