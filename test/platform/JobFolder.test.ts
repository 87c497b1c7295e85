/** What a job leaves on the disk: its note, its stderr, and why Airflow's supervisor gave it up. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { JobFolder, noteOf } from "../../src/platform/JobFolder.ts"

const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const told = (files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const folder = yield* scratch
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const { stderr } = yield* JobFolder
    return yield* stderr(folder)
  }).pipe(Effect.scoped, Effect.provide(JobFolder.layer))

// As Airflow 3.3.2 prints them where stdout is a file.
const started = "2026-11-24T06:31:53.363792Z [info     ] Task started [supervisor] loc=supervisor.py:1\n"
const tooMany =
  "2026-11-24T06:31:53.363972Z [error    ] Too many failed heartbeats; terminating process [supervisor] failed_heartbeats=1\n"
const json = '{"timestamp":"2026-11-24T06:31:54Z","level":"error","event":"Task killed!"}\n'

describe("JobFolder.stderr", () => {
  it.effect("begins with the errors of Airflow's supervisor, which stand on stdout", () =>
    Effect.gen(function* () {
      const stdout = `${started}an [error ] of a task\n${tooMany}ValueError: x\n${json}{"level":"info"}\n`
      assert.strictEqual(
        yield* told({ stdout, stderr: "httpx.ConnectError\n" }),
        `${tooMany}${json}httpx.ConnectError\n`
      )
    })
  )

  it.effect("holds the last 20 of them", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 30 }, (_, at) => tooMany.replace("=1", `=${at}`))
      assert.strictEqual(yield* told({ stdout: lines.join("") }), lines.slice(10).join(""))
    })
  )

  it.effect("is empty where nothing was printed", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* told({}), "")
      assert.strictEqual(yield* told({ stdout: started, stderr: "" }), "")
    })
  )
})

describe("a job's note", () => {
  const withNote = <A, E>(
    use: (jobs: JobFolder["Service"], folder: string) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> =>
    Effect.gen(function* () {
      return yield* use(yield* JobFolder, join(yield* scratch, "1-a"))
    }).pipe(Effect.scoped, Effect.provide(JobFolder.layer))

  it.effect("stands beside a folder that is not there, and says who began it and how it ended", () =>
    withNote((jobs, folder) =>
      Effect.gen(function* () {
        assert.isTrue(yield* jobs.neverStarted(folder))
        yield* jobs.noteBegun(folder, "task")
        assert.strictEqual(statSync(noteOf(folder)).mode & 0o777, 0o600)
        assert.strictEqual(yield* jobs.kind(folder), "task")
        assert.isFalse(yield* jobs.neverStarted(folder))
        assert.deepStrictEqual(yield* jobs.exit(folder), Option.none())
        yield* jobs.noteEnded(folder, { code: 0, left: "it runs elsewhere" })
        assert.deepStrictEqual(yield* jobs.exit(folder), Option.some({ code: 0, left: "it runs elsewhere" }))
        assert.strictEqual(yield* jobs.kind(folder), "task")
        assert.isFalse(existsSync(folder))
      })
    )
  )

  it.effect("tells no end where a full disk has cut it", () =>
    withNote((jobs, folder) =>
      Effect.gen(function* () {
        yield* jobs.noteBegun(folder, "task")
        writeFileSync(noteOf(folder), `${readFileSync(noteOf(folder), "utf8")}{"code`)
        assert.deepStrictEqual(yield* jobs.exit(folder), Option.none())
        assert.strictEqual(yield* jobs.kind(folder), "task")
      })
    )
  )

  it.effect("is begun once", () =>
    withNote((jobs, folder) =>
      Effect.gen(function* () {
        yield* jobs.noteBegun(folder, "task")
        const error = yield* Effect.flip(jobs.noteBegun(folder, "other"))
        assert.include(error.message, "EEXIST")
        assert.strictEqual(yield* jobs.kind(folder), "task")
      })
    )
  )
})
