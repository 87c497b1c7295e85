import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll } from "vitest"
import { ConfigSources } from "../../src/platform/ConfigSources.ts"
import { pythonCandidates } from "../../src/platform/pythonCandidates.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sources-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

type Sources = ConfigSources["Service"]
const use = <A, E>(body: (sources: Sources) => Effect.Effect<A, E>) =>
  ConfigSources.use(body).pipe(Effect.provide(ConfigSources.layer))
const problem = <A>(body: Parameters<typeof use<A, { readonly problem: string }>>[0]) =>
  Effect.map(Effect.flip(use(body)), ({ problem }) => problem)
const file = (name: string, bytes: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

describe("ConfigSources on this machine", () => {
  it.live("runs a command without a shell and keeps its line end", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* use(({ runCommand }) => runCommand("echo 'a  b' $HOME ; x")),
        "a  b $HOME ; x\n"
      )
    })
  )
  it.live("drops bytes that are not UTF-8, as Airflow does", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* use(({ runCommand }) => runCommand("printf 'a\\377b'")), "ab")
    })
  )
  it.live("says how a command ended and its stderr, but neither its arguments nor its output", () =>
    Effect.gen(function* () {
      const script = file("fail.sh", "echo hunter2; echo why >&2; exit 3")
      const said = yield* problem(({ runCommand }) => runCommand(`sh ${script} hunter2`))
      assert.strictEqual(said, "the command sh exited with code 3, its stderr: why")
      assert.match(
        yield* problem(({ runCommand }) => runCommand("no-such-program x")),
        /could not be started \(ENOENT\)/
      )
      assert.match(
        yield* problem(({ runCommand }) => runCommand("sh -c 'kill -9 $$'")),
        /was killed by SIGKILL/
      )
    })
  )
  it.live("reads a file, tells a missing one from one that cannot be read", () =>
    Effect.gen(function* () {
      const text = file("text", "\ufeffé")
      assert.strictEqual(yield* use(({ readFile }) => readFile(text)), "\ufeffé")
      assert.isUndefined(yield* use(({ readFile }) => readFile(join(folder, "none"))))
      assert.match(yield* problem(({ readFile }) => readFile(folder)), /EISDIR/)
      const latin = file("latin", new Uint8Array([0xe9]))
      assert.match(yield* problem(({ readFile }) => readFile(latin)), /not UTF-8/)
    })
  )
  it.live("checks that a path is a readable file", () =>
    Effect.gen(function* () {
      const there = file("there", "")
      yield* use(({ checkReadable }) => checkReadable(there))
      assert.strictEqual(
        yield* problem(({ checkReadable }) => checkReadable(join(folder, "none"))),
        "there is no such file"
      )
      assert.match(yield* problem(({ checkReadable }) => checkReadable(folder)), /it is not a file/)
    })
  )
  it.live("knows home folders", () =>
    Effect.gen(function* () {
      const homes = yield* use(({ homeFolder }) =>
        Effect.succeed([homeFolder(), homeFolder(userInfo().username), homeFolder("no-such-user-here")])
      )
      assert.deepStrictEqual(homes, [userInfo().homedir, userInfo().homedir, undefined])
    })
  )
})

describe("pythonCandidates", () => {
  const airflow = (name: string, text: string) => {
    const bin = join(folder, name)
    mkdirSync(bin)
    writeFileSync(join(bin, "airflow"), text)
    chmodSync(join(bin, "airflow"), 0o755)
    return bin
  }
  const shown = async (named: string | undefined, env: Record<string, string>) =>
    (await pythonCandidates(named, env)).map(({ exists, python }) => [python, exists])

  it("a named Python is the only place", async () => {
    assert.deepStrictEqual(await shown("/no/python", { VIRTUAL_ENV: folder }), [["/no/python", false]])
  })
  it("$VIRTUAL_ENV, then the first line of the first airflow on the PATH", async () => {
    const plain = airflow("plain", `#!${process.execPath} -s\n`)
    assert.deepStrictEqual(await shown(undefined, { VIRTUAL_ENV: "/v", PATH: `/none:${plain}` }), [
      ["/v/bin/python", false],
      [process.execPath, true]
    ])
  })
  it("follows env, and the exec that stands for a long path", async () => {
    const viaEnv = airflow("env", "#!/usr/bin/env airflow\n")
    const long = airflow("long", `#!/bin/sh\n'''exec' "${process.execPath}" "$0" "$@"\n' '''\n`)
    assert.deepStrictEqual((await shown(undefined, { PATH: viaEnv }))[1], [join(viaEnv, "airflow"), true])
    assert.deepStrictEqual((await shown(undefined, { PATH: long }))[1], [process.execPath, true])
  })
  it("says what was not there", async () => {
    const places = (await pythonCandidates(undefined, { PATH: "/none" })).map(({ from }) => from)
    assert.deepStrictEqual(places, ["$VIRTUAL_ENV, which is not set", "the PATH, which has no airflow"])
  })
})
