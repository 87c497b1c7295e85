/** SysinfoFunction: a process that stays and answers, with every way in which it can end. A shell stands for Python. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import { makeSysinfoFunction } from "../../src/worker/SysinfoFunction.ts"

/** Its n-th answer: its process, n, and the arguments after the program: home, dags, path. */
const answering = `n=0; while read -r line; do n=$((n + 1)); echo "$$ $n $3 $4 $5"; done`

/** Calls of the function, which `python` of the folder answers; `script` writes another one. */
const withFunction = <A, E>(
  test: (
    ask: (python?: string) => Effect.Effect<ReadonlyArray<string>, { readonly message: string }>,
    script: (name: string, body: string) => string,
    end: Effect.Effect<void>
  ) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const script = (name: string, body: string) => {
      const file = join(folder, name)
      writeFileSync(file, `#!/bin/sh\n${body}\n`)
      chmodSync(file, 0o700)
      return file
    }
    const scope = yield* Scope.fork(yield* Effect.scope)
    const call = makeSysinfoFunction(yield* ChildProcessSpawner, scope)
    const options = { airflowHome: "/home", dagsFolder: "/dags", path: "my.sysinfo" }
    const first = script("python", answering)
    const ask = (python = first) => Effect.map(call({ ...options, python }), (line) => line.split(" "))
    return yield* test(ask, script, Scope.close(scope, Exit.void))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** Whether a process exists. */
const isAlive = (pid: string | undefined) => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

describe("SysinfoFunction", () => {
  it.live("asks one process again and again, which knows where the function lives", () =>
    withFunction((ask) =>
      Effect.gen(function* () {
        const [pid, ...one] = yield* ask()
        const [same, ...two] = yield* ask()
        assert.deepStrictEqual(
          [one, two],
          [
            ["1", "/home", "/dags", "my.sysinfo"],
            ["2", "/home", "/dags", "my.sysinfo"]
          ]
        )
        assert.strictEqual(same, pid)
      })
    )
  )

  it.live("is answered although it complains of more than a pipe holds", () =>
    withFunction((ask, script) =>
      Effect.gen(function* () {
        const python = script(
          "complains",
          'read -r line; head -c 1000000 /dev/zero >&2; echo "$$ 1"; read -r more'
        )
        assert.strictEqual((yield* ask(python))[1], "1")
      })
    )
  )

  it.live("ends with the worker", () =>
    withFunction((ask, _script, end) =>
      Effect.gen(function* () {
        const [pid] = yield* ask()
        assert.isTrue(isAlive(pid))
        yield* end
        assert.isFalse(isAlive(pid))
      })
    )
  )

  it.live("one that ends without an answer is a failure, and the next call has a new one", () =>
    withFunction((ask, script) =>
      Effect.gen(function* () {
        const python = script(
          "ends",
          'read -r line; [ -e "$0.once" ] || { : > "$0.once"; exit 3; }; echo "$$ new"; read -r more'
        )
        const error = yield* Effect.flip(ask(python))
        assert.strictEqual(
          error.message,
          "[edge] extended_system_info_function my.sysinfo has ended its Python"
        )
        assert.strictEqual((yield* ask(python))[1], "new")
      })
    )
  )

  it.live("one that was not answered in time is ended, and the next call has a new one", () =>
    withFunction((ask, script) =>
      Effect.gen(function* () {
        const hangs = script("hangs", 'read -r line; echo "$$ 1"; while read -r more; do :; done')
        const [pid] = yield* ask(hangs)
        const asked = yield* Effect.forkChild(ask(hangs))
        yield* Effect.yieldNow
        assert.isTrue(isAlive(pid))
        yield* Fiber.interrupt(asked)
        assert.isFalse(isAlive(pid))
        const [other, n] = yield* ask(hangs)
        assert.notStrictEqual(other, pid)
        assert.strictEqual(n, "1")
      })
    )
  )

  it.live("another Python takes the place of the one before", () =>
    withFunction((ask, script) =>
      Effect.gen(function* () {
        const [old] = yield* ask()
        const [pid, n] = yield* ask(script("other", answering))
        assert.notStrictEqual(pid, old)
        assert.strictEqual(n, "1")
        assert.deepStrictEqual([isAlive(old), isAlive(pid)], [false, true])
      })
    )
  )

  it.live("says that Python cannot be run, and tries again the next time", () =>
    withFunction((ask, script) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ask("/no/such/python"))
        assert.match(error.message, /^\[edge\] extended_system_info_function my\.sysinfo could not run: ./)
        assert.strictEqual((yield* ask(script("found", answering)))[1], "1")
      })
    )
  )
})
