/** The operator's own sysinfo: from a real command, with every way in which it can go wrong. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcessHandle, ChildProcessSpawner, ExitCode } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { LocalAirflow, NoLocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { SysinfoProgram } from "../../src/worker/SysinfoProgram.ts"
import { ExtendedSysinfo, SysinfoFailed } from "../../src/worker/WorkerSysinfo.ts"

const noAirflow: Layer.Layer<LocalAirflow> = Layer.succeed(LocalAirflow, {
  current: Effect.fail(new NoLocalAirflow({ places: ["nowhere"] }))
})

const look = (
  settings: Partial<EdgeSettings>,
  airflow = noAirflow,
  spawner: Layer.Layer<ChildProcessSpawner> = NodeServices.layer
) =>
  Effect.gen(function* () {
    const extended = yield* ExtendedSysinfo
    return extended === undefined ? undefined : yield* extended
  }).pipe(
    Effect.provide(
      SysinfoProgram.layer.pipe(
        Layer.provide([Layer.succeed(EdgeConfig, testSettings(settings)), airflow, spawner])
      )
    )
  )

describe("SysinfoProgram", () => {
  it.live("is nothing where nothing is configured", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* look({}))
    })
  )

  it.live("takes texts and numbers from a command", () =>
    Effect.gen(function* () {
      const answer = yield* look({
        sysinfoCommand: `printf '{"status": 30, "disk": 0.5, "rack": "a\\u00e9"}'`
      })
      assert.deepStrictEqual(answer, { status: 30, disk: 0.5, rack: "aé" })
    })
  )

  for (const [name, sysinfoCommand, words] of [
    ["prints no JSON", "echo hello", "but hello"],
    ["prints another shape", `echo '[1, {"a": 1}]'`, "object of texts and numbers"],
    ["fails", "echo broken >&2; exit 3", "code 3: broken"],
    ["does not exist", "no-such-program-at-all", "code 127"]
  ] as const) {
    it.live(`says what is wrong: the command ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(look({ sysinfoCommand }))
        assert.instanceOf(error, SysinfoFailed)
        assert.include(error.message, words)
        assert.include(error.message, "[edge_worker] sysinfo_command")
      })
    )
  }

  it.live(
    "reads so much of an answer, and shows the beginning of a wrong one and the end of what went wrong",
    () =>
      Effect.gen(function* () {
        const long = yield* look({ sysinfoCommand: `printf '{"a": 1}'; printf '%70000s' ''; echo more` })
        assert.deepStrictEqual(long, { a: 1 })
        const wrong = yield* Effect.flip(look({ sysinfoCommand: "printf '  %0300d' 0" }))
        assert.match(wrong.message, /but 0{200}$/)
        const broken = yield* Effect.flip(
          look({ sysinfoCommand: "{ printf '%0600d' 0; echo ' end '; } >&2; exit 1" })
        )
        assert.match(broken.message, /ended with code 1: 0{496} end$/)
        const nothing = yield* Effect.flip(look({ sysinfoCommand: "true" }))
        assert.match(nothing.message, /but nothing$/)
      })
  )

  it.effect("keeps no more of what a command prints without end than is told of it", () =>
    Effect.gen(function* () {
      const mebibyte = new Uint8Array(2 ** 20).fill(120)
      // More than V8 can hold in one text.
      const endless = Stream.range(1, 600).pipe(Stream.map(() => mebibyte))
      const printing = (code: number) =>
        Layer.mock(ChildProcessSpawner, {
          spawn: () =>
            Effect.succeed({
              stdout: code === 0 ? endless : Stream.empty,
              stderr: code === 0 ? Stream.empty : endless,
              exitCode: Effect.succeed(ExitCode(code))
            } as unknown as ChildProcessHandle)
        })
      const settings = { sysinfoCommand: "yes" }
      assert.match((yield* Effect.flip(look(settings, noAirflow, printing(0)))).message, /but x{200}$/)
      assert.match((yield* Effect.flip(look(settings, noAirflow, printing(1)))).message, /code 1: x{500}$/)
    })
  )

  it.live("hears a command that complains of more than a pipe holds before it answers", () =>
    Effect.gen(function* () {
      const sysinfoCommand = `head -c 1000000 /dev/zero >&2; echo '{"a": 1}'`
      assert.deepStrictEqual(yield* look({ sysinfoCommand }), { a: 1 })
    })
  )

  it.live("says that the command cannot be run at all", () =>
    Effect.gen(function* () {
      const { PATH } = process.env
      const error = yield* Effect.flip(
        Effect.suspend(() => {
          process.env["PATH"] = "/no/such/folder"
          return look({ sysinfoCommand: "true" })
        }).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              process.env["PATH"] = PATH
            })
          )
        )
      )
      assert.match(error.message, /^\[edge_worker\] sysinfo_command could not run: ./)
    })
  )

  it.live("a Python function is asked in the Python that has Airflow, with its folders", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const python = join(folder, "python")
      const body = `read -r line; printf '{"home": "%s", "dags": "%s", "path": "%s"}\\n' "$3" "$4" "$5"; read -r more`
      writeFileSync(python, `#!/bin/sh\n${body}\n`)
      chmodSync(python, 0o700)
      const airflow = Layer.succeed(LocalAirflow, {
        current: Effect.succeed({
          python,
          airflow: "3.3.2",
          edge3: "5.1.0",
          pythonVersion: "3.12",
          fingerprint: ""
        })
      })
      const settings = { extendedSystemInfoFunction: "my.sysinfo" }
      assert.deepStrictEqual(yield* look(settings, airflow), {
        home: "/airflow",
        dags: "/airflow/dags",
        path: "my.sysinfo"
      })
      const other = yield* look({ ...settings, dagsFolder: "/elsewhere" }, airflow)
      assert.strictEqual(other?.dags, "/elsewhere")
    }).pipe(Effect.scoped)
  )

  it.live("a Python function without a local Airflow says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(look({ extendedSystemInfoFunction: "my.sysinfo" }))
      assert.include(error.message, "nowhere")
    })
  )
})
