/** What a job leaves in its folder for its task's log: its stderr, and why Airflow's supervisor gave it up. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { JobFolder } from "../../src/platform/JobFolder.ts"

const told = (files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
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
