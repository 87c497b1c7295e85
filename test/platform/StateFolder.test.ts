import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { noteOf } from "../../src/platform/JobFolder.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { readOwner, segment, socketPathOf } from "../../src/platform/StatePaths.ts"
import { testSettings } from "../../src/testing/settings.ts"

const home = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const services = (airflowHome: string, name: string, stateFolder?: string) =>
  Layer.merge(
    Layer.succeed(EdgeConfig, testSettings({ airflowHome, stateFolder })),
    Layer.succeed(WorkerIdentity, { name, queues: null, team: null, concurrency: 1 })
  )

/** Uses the folder of one run of a worker. */
const withFolder = <A, E>(
  airflowHome: string,
  name: string,
  use: (folder: StateFolder["Service"]) => Effect.Effect<A, E>,
  stateFolder?: string
) =>
  Effect.flatMap(StateFolder, use).pipe(
    Effect.provide(StateFolder.layer.pipe(Layer.provide(services(airflowHome, name, stateFolder))), {
      local: true
    })
  )

describe("StateFolder", () => {
  it.effect("is private, named after the worker, and clean after its end", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const path = yield* withFolder(airflowHome, "Wörker 1", (folder) =>
        Effect.sync(() => {
          assert.strictEqual(folder.path, join(airflowHome, "edge-worker", "W%C3%B6rker%201"))
          assert.strictEqual(statSync(folder.path).mode & 0o777, 0o700)
          assert.strictEqual(statSync(folder.jobs).mode & 0o777, 0o700)
          assert.strictEqual(Option.getOrThrow(readOwner(folder.path)).pid, process.pid)
          assert.isTrue(Option.isNone(folder.predecessor))
          return folder.path
        })
      )
      assert.isFalse(existsSync(join(path, "owner.json")))
    })
  )

  it.effect("is refused while it is held, and the holder is named", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const error = yield* withFolder(airflowHome, "one", () =>
        Effect.flip(withFolder(airflowHome, "one", () => Effect.void))
      )
      assert.strictEqual(error._tag, "WorkerRunsHere")
      assert.include(error.message, `with pid ${process.pid}, started `)
      yield* withFolder(airflowHome, "one", () => Effect.void)
    })
  )

  it.effect("tells of a predecessor that did not end cleanly", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const path = yield* withFolder(airflowHome, "one", (folder) => Effect.succeed(folder.path))
      const owner = { worker_name: "one", pid: 1, start_time: "0", started_at: "then", machine: "here" }
      writeFileSync(join(path, "owner.json"), JSON.stringify(owner))
      const predecessor = yield* withFolder(airflowHome, "one", (folder) =>
        Effect.succeed(folder.predecessor)
      )
      assert.deepStrictEqual(predecessor, Option.some(owner))
    })
  )

  it.effect("refuses a link and a folder that others can enter", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const open = join(airflowHome, "open")
      const link = join(airflowHome, "link")
      const file = join(airflowHome, "file")
      mkdirSync(open, { mode: 0o755 })
      symlinkSync(open, link)
      writeFileSync(file, "")
      for (const [path, words] of [
        [open, `Run: chmod 700 '${open}'`],
        [link, "is a symbolic link"],
        [file, "is not a folder"]
      ] as const) {
        const error = yield* Effect.flip(withFolder(airflowHome, "one", () => Effect.void, path))
        assert.strictEqual(error._tag, "FolderUnusable")
        assert.include(error.message, words)
      }
    })
  )

  it.effect("takes the socket elsewhere where its path would be too long", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const path = join(airflowHome, "y".repeat(120))
      const socket = yield* withFolder(
        airflowHome,
        "one",
        (folder) =>
          Effect.sync(() => {
            assert.isAtMost(Buffer.byteLength(folder.socketPath), 103)
            assert.strictEqual(socketPathOf(folder.path), folder.socketPath)
            assert.strictEqual(statSync(join(folder.socketPath, "..")).mode & 0o777, 0o700)
            return folder.socketPath
          }),
        path
      )
      assert.isFalse(existsSync(join(socket, "..")))
      assert.strictEqual(socketPathOf(path), join(path, "control.sock"))
    })
  )

  it.effect("a hold that cannot be noted is told once, and again after one that could", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const log = Logger.layer([
        Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
      ])
      yield* withFolder(yield* home, "w", ({ holdName, path }) =>
        Effect.gen(function* () {
          const inTheWay = join(path, "name.json")
          mkdirSync(inTheWay)
          yield* holdName
          yield* holdName
          assert.lengthOf(lines, 1)
          assert.match(lines[0] ?? "", /hold on its name could not be noted/)
          rmSync(inTheWay, { recursive: true })
          yield* holdName
          assert.isTrue(statSync(inTheWay).isFile())
          rmSync(inTheWay)
          mkdirSync(inTheWay)
          yield* holdName
          assert.lengthOf(lines, 2)
        })
      ).pipe(Effect.provide(log))
    })
  )

  it.effect("a job's folder is made once, private, and removed when it is told to", () =>
    Effect.gen(function* () {
      yield* withFolder(yield* home, "one", (folder) =>
        Effect.gen(function* () {
          const path = yield* folder.jobFolder("1-a")
          assert.strictEqual(statSync(path).mode & 0o777, 0o700)
          writeFileSync(join(path, "workload.json"), "{}")
          assert.strictEqual(yield* folder.jobFolder("1-a"), path)
          assert.isTrue(existsSync(join(path, "workload.json")))
          writeFileSync(noteOf(path), "{}")
          yield* folder.removeJobFolder("1-a")
          assert.isFalse(existsSync(path))
          assert.isFalse(existsSync(noteOf(path)))
          // As for a job that needed no folder.
          writeFileSync(noteOf(path), "{}")
          yield* folder.removeJobFolder("1-a")
          assert.isFalse(existsSync(noteOf(path)))
        })
      )
    })
  )

  it.live("the one who held the name is dead where its lock is ours and the kernel the same", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const nameBefore = withFolder(airflowHome, "one", (folder) => Effect.succeed(folder.nameBefore))
      assert.strictEqual(yield* nameBefore, "none")
      const path = yield* withFolder(airflowHome, "one", (folder) => Effect.as(folder.holdName, folder.path))
      assert.strictEqual(yield* nameBefore, "dead")
      const held = JSON.parse(readFileSync(join(path, "name.json"), "utf8"))
      writeFileSync(join(path, "name.json"), JSON.stringify({ ...held, lock: "1:2" }))
      assert.strictEqual(yield* nameBefore, "unproved")
      writeFileSync(join(path, "name.json"), JSON.stringify(held))
      assert.strictEqual(yield* nameBefore, "dead")
      utimesSync(join(path, "name.json"), 1, 1)
      assert.strictEqual(yield* nameBefore, "unproved")
      writeFileSync(join(path, "name.json"), JSON.stringify({ ...held, worker_name: "other" }))
      assert.strictEqual(yield* nameBefore, "none")
      yield* withFolder(airflowHome, "one", (folder) => Effect.andThen(folder.holdName, folder.freeName))
      assert.strictEqual(yield* nameBefore, "none")
    })
  )

  it.live("one who had only asked for the name proves nothing, and never hides who held it", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const nameBefore = withFolder(airflowHome, "one", (folder) => Effect.succeed(folder.nameBefore))
      yield* withFolder(airflowHome, "one", (folder) => folder.askName)
      assert.strictEqual(yield* nameBefore, "asked")
      yield* withFolder(airflowHome, "one", (folder) => folder.holdName)
      assert.strictEqual(yield* nameBefore, "dead")
    })
  )

  it.effect("says why a job's folder cannot be made", () =>
    Effect.gen(function* () {
      const error = yield* withFolder(yield* home, "one", (folder) => {
        writeFileSync(join(folder.jobs, "1-a"), "in the way")
        return Effect.flip(folder.jobFolder("1-a/folder"))
      })
      assert.include(error.message, "ENOTDIR")
    })
  )

  it.live("sweeps what is left of dead jobs and leaves what lives", () =>
    Effect.gen(function* () {
      const airflowHome = yield* home
      const jobs = yield* withFolder(airflowHome, "one", (folder) => Effect.succeed(folder.jobs))
      const living = yield* Effect.acquireRelease(
        Effect.promise(async () => {
          const child: ChildProcess = spawn("sleep", ["60"], {
            env: { PATH: process.env["PATH"], EDGE_WORKER_JOB: "living" },
            stdio: "ignore"
          })
          await once(child, "spawn")
          return child
        }),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      for (const id of ["dead", "living"]) {
        mkdirSync(join(jobs, id), { mode: 0o700 })
        writeFileSync(join(jobs, id, "workload.json"), "a token")
        writeFileSync(noteOf(join(jobs, id)), "{}")
      }
      mkdirSync(join(jobs, "promised"), { mode: 0o700 })
      writeFileSync(noteOf(join(jobs, "promised")), "{}")
      const sweep = withFolder(airflowHome, "one", (folder) => folder.sweep(new Set(["promised"])))
      yield* sweep
      assert.isTrue(existsSync(join(jobs, "promised")))
      assert.isFalse(existsSync(join(jobs, "dead")))
      assert.isFalse(existsSync(noteOf(join(jobs, "dead"))))
      assert.strictEqual(readFileSync(join(jobs, "living", "workload.json"), "utf8"), "a token")
      yield* Effect.promise(async () => {
        living.kill("SIGKILL")
        await once(living, "exit")
      })
      yield* sweep
      assert.deepStrictEqual(readdirSync(jobs).toSorted(), ["promised", "promised.note"])
    })
  )
})

describe("segment", () => {
  const names = fc.string({ minLength: 1, maxLength: 64, unit: "grapheme" })

  it("is one short path segment that gives the name back", () => {
    fc.assert(
      fc.property(names, (name) => {
        const text = segment(name)
        assert.match(text, /^[A-Za-z0-9._%-]{1,255}$/)
        assert.notInclude(["", ".", ".."], text)
        if (text.length < 130) assert.strictEqual(decodeURIComponent(text), name)
      })
    )
  })

  it("differs for names that differ late", () => {
    assert.notStrictEqual(segment(`${"ä".repeat(63)}a`), segment(`${"ä".repeat(63)}b`))
    assert.strictEqual(segment(".."), "%2E%2E")
  })
})
