/** bin/: the Node version is checked first, then the same process is the program, under our own flags. */
import { spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { root } from "../structure/sources.ts"

const folder = mkdtempSync(join(tmpdir(), "edge-worker-bin-"))
const command = join(folder, "bin", "edge-worker.mjs")
const cache = join(folder, "cache")
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
process.stdout.write(JSON.stringify({
  pid: process.pid, args: process.argv.slice(2), flags: process.execArgv, title: process.title,
  nodeOptions: process.env.NODE_OPTIONS, taskNodeOptions: process.env.EDGE_WORKER_TASK_NODE_OPTIONS,
  cache: require("node:module").getCompileCacheDir() ?? null
}))`

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, "out"), { recursive: true })
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true })
  writeFileSync(join(folder, "out", "edge-worker.cjs"), program)
  mkdirSync(cache)
})

const environment = (env: Record<string, string>) => ({
  PATH: process.env["PATH"],
  XDG_CACHE_HOME: cache,
  ...env
})
const start = async (args: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [command, ...args], {
    env: environment(env),
    stdio: ["ignore", "pipe", "inherit"]
  })
  return { pid: child.pid, ...JSON.parse(await text(child.stdout)), started: child.pid }
}
const refused = (...before: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [...before, command, "--version"], { env: environment({}), encoding: "utf8" })

describe("the command", () => {
  it("becomes the program: same pid, its arguments, no inspector on SIGUSR1", async () => {
    const seen = await start(["worker", "-q", "a b", "--help"])
    expect(seen.pid).toBe(seen.started)
    expect(seen.args).toEqual(["worker", "-q", "a b", "--help"])
    expect(seen.flags).toEqual(["--disable-sigusr1", "--max-semi-space-size=4"])
  })

  it("ignores NODE_OPTIONS and keeps it for the tasks", async () => {
    const seen = await start([], { NODE_OPTIONS: "--title=from-node-options" })
    expect(seen.title).not.toBe("from-node-options")
    expect(seen.nodeOptions).toBe("")
    expect(seen.taskNodeOptions).toBe("--title=from-node-options")
  })

  it("obeys EDGE_WORKER_NODE_OPTIONS", async () => {
    const seen = await start([], {
      EDGE_WORKER_NODE_OPTIONS: "--title=for-debugging",
      NODE_OPTIONS: "--title=x"
    })
    expect(seen.title).toBe("for-debugging")
  })

  it("says which Node it needs, which it found and where", () => {
    const older = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})"
    const { status, stderr } = refused("--import", `data:text/javascript,${encodeURIComponent(older)}`)
    expect(status).toBe(78)
    expect(stderr).toContain("needs Node 24 or newer, but this is Node 20.1.0")
    expect(stderr).toContain(process.execPath)
  })

  it("says what to do where the package was not built", () => {
    rmSync(join(folder, "out"), { recursive: true })
    const { status, stderr } = refused()
    expect(status).toBe(78)
    expect(stderr).toContain("npm run build")
  })

  it("can be read by the oldest Node that knows modules", () => {
    const code = readFileSync(join(root, "bin", "edge-worker.mjs"), "utf8")
    expect(code).not.toMatch(/\?\.|\?\?|from "node:|import \{|^await /m)
  })
})

describe("the compile cache", () => {
  it("lies in a folder that only this user can enter", async () => {
    const seen = await start([])
    expect(seen.cache).toContain(join(cache, "edge-worker"))
    expect(statSync(join(cache, "edge-worker")).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(cache, "edge-worker"))).toHaveLength(1)
  })

  it("is off where others could write to it", async () => {
    mkdirSync(join(cache, "edge-worker"))
    chmodSync(join(cache, "edge-worker"), 0o777)
    expect((await start([])).cache).toBeNull()
  })

  it("is off where there is no place for it", async () => {
    writeFileSync(join(folder, "file"), "")
    expect((await start([], { XDG_CACHE_HOME: join(folder, "file") })).cache).toBeNull()
  })
})
