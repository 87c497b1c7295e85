/** `edge-worker central-user` as a process: the file that it leaves, and what it refuses. */
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { matches } from "../../src/platform/PasswordHash.ts"

const main = join(import.meta.dirname, "../../src/cli/main.ts")
let home = ""
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "central-user-"))
})
afterEach(() => rmSync(home, { recursive: true }))

const run = (args: ReadonlyArray<string>, input = "") => {
  const env = { PATH: process.env["PATH"], HOME: home, AIRFLOW_HOME: home }
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, "central-user", ...args], {
    env,
    input,
    encoding: "utf8"
  })
  return { status, output: stdout + stderr }
}
const file = () => join(home, "edge-central", "users.json")
const users = () =>
  JSON.parse(readFileSync(file(), "utf8")) as Record<
    string,
    { password: string; roles: ReadonlyArray<string> }
  >

describe("central-user", { timeout: 90_000 }, () => {
  it("adds, changes and removes users in a private file, by salted hashes", async () => {
    expect(run(["ada", "--role", "operate,view"], "correct horse\n")).toMatchObject({ status: 0 })
    expect(run(["bob"], "battery staple").output).toContain("bob may view: added")
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    const { ada, bob } = users()
    expect([ada?.roles, bob?.roles]).toEqual([["view", "operate"], ["view"]])
    const right = matches(Redacted.make("correct horse"), ada?.password ?? "")
    expect(await Effect.runPromise(right)).toBe(true)
    expect(run(["ada", "--role", "view"], "another password").output).toContain("changed")
    expect(users()["ada"]?.password).not.toBe(ada?.password)
    expect(run(["ada", "--remove"]).status).toBe(0)
    expect(Object.keys(users())).toEqual(["bob"])
  })

  it("refuses what would be no user, and never says the password", () => {
    for (const [args, input] of [
      [["ada", "--role", "root"], "correct horse"],
      [["admin"], "correct horse"],
      [["a b"], "correct horse"],
      [["ada"], "sh0rt\n"]
    ] as const) {
      const { output, status } = run(args, input)
      expect([args, status]).toEqual([args, 64])
      expect(output).not.toContain(input.trim())
    }
    expect(existsSync(file())).toBe(false)
  })

  it("does not touch a file that others can read", () => {
    run(["ada"], "correct horse")
    chmodSync(file(), 0o644)
    const { output, status } = run(["bob"], "correct horse")
    expect(status).toBe(78)
    expect(output).toContain("is open to other users (mode 0644)")
    expect(Object.keys(users())).toEqual(["ada"])
  })
})
