/** A real Airflow's management API: the contract that our own central keeps too, and the commands beside Airflow's own. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { expect, test } from "vitest"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { clientOf } from "../management/site.ts"
import { suite } from "../suites/management.ts"
import { asWorker } from "./protocol/liveSite.ts"
import { site } from "./site.ts"
import { startWorker } from "./worker.ts"

suite("the management API of a real Airflow", () => ({
  management: clientOf(`${site.url}/`, { _tag: "None" }),
  withToken: (token) => clientOf(`${site.url}/`, { _tag: "Token", token: Redacted.make(token) }),
  asWorker
}))

const run = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>(
    (done, fail) => {
      const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] })
      let [stdout, stderr] = ["", ""]
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
      })
      child.once("error", fail)
      child.once("close", (code) => done({ code, stdout, stderr }))
    }
  )

/** Our command, on the site. */
const ours = async (...args: ReadonlyArray<string>) => {
  const home = mkdtempSync(join(tmpdir(), "edge-worker-"))
  try {
    const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts")
    const env = {
      PATH: process.env["PATH"],
      AIRFLOW_HOME: home,
      AIRFLOW__EDGE__API_URL: `${site.url}/edge_worker/v1/rpcapi`
    }
    return await run(process.execPath, [main, ...args], env)
  } finally {
    rmSync(home, { recursive: true })
  }
}

/** Airflow's own command; it refuses the address of a database that is the default one, so that is written differently. */
const airflow = (...args: ReadonlyArray<string>) => {
  const conn = site.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] ?? ""
  return run("airflow", ["edge", ...args], {
    ...site.environment,
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: conn.replace(/^sqlite:\/\/\/(.*)\/([^/]+)$/, "sqlite:///$1/./$2")
  })
}

const lines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")

const sysinfo = {
  airflow_version: "3.3.2",
  edge_provider_version: "5.1.0",
  concurrency: 8,
  free_concurrency: 7
}

const registered = (name: string, queues: ReadonlyArray<string> | null) =>
  Effect.runPromise(
    asWorker(
      name,
      Effect.flatMap(EdgeClient, (edge) =>
        Effect.andThen(
          edge.register({ state: "starting", queues, sysinfo }),
          edge.setState({ state: "idle", jobs_active: 1, queues, sysinfo })
        )
      )
    )
  )

test("list-workers prints what airflow edge list-workers prints", async () => {
  const prefix = `list-${process.pid}`
  await registered(`${prefix}-a ü日本`, ["one"])
  await registered(`${prefix}-b`, null)
  await site.api.requestMaintenance(`${prefix}-b`, 'two\nlines "quoted"')
  await site.api.shutdown(`${prefix}-a ü日本`)
  for (const args of [
    ["-o", "json", "--worker-name-pattern", `${prefix}-?*`],
    ["-o", "table", "--worker-name-pattern", `${prefix}-?*`],
    ["-o", "json", "-s", "maintenance request", "idle", "--worker-name-pattern", `${prefix}*`],
    ["-o", "json", "-q", "one", "--worker-name-pattern", `${prefix}*`],
    ["-o", "json", "--worker-name-pattern", "none-of-them*"],
    ["-o", "table", "--worker-name-pattern", "none-of-them*"]
  ]) {
    const [mine, theirs] = await Promise.all([
      ours("list-workers", ...args),
      airflow("list-workers", ...args)
    ])
    expect([mine.code, theirs.code], `${mine.stderr}${theirs.stderr}`).toEqual([0, 0])
    expect(lines(mine.stdout), args.join(" ")).toEqual(lines(theirs.stdout))
  }
})

test("a failure has the words of airflow edge, and a code that is not 0", async () => {
  const name = `words-${process.pid}`
  await registered(name, null)
  for (const args of [
    ["remove-remote-edge-worker", "-H", name],
    ["remove-remote-edge-worker", "-H", `${name}-other`],
    ["remote-edge-worker-update-maintenance-comment", "-H", name, "-c", "x"]
  ]) {
    const [mine, theirs] = await Promise.all([ours(...args), airflow(...args)])
    expect([mine.code === 0, theirs.code]).toEqual([false, 1])
    const said =
      lines(theirs.stderr)
        .at(-1)
        ?.replace(/^Error: /, "") ?? "nothing"
    expect(mine.stderr).toContain(said)
  }
})

test("a worker of ours obeys the commands", async () => {
  const worker = await startWorker({ concurrency: 5 })
  const { name } = worker
  await worker.reaches(["idle"])
  expect(await ours("remote-edge-worker-request-maintenance", "-H", name, "-c", "by hand")).toMatchObject({
    code: 0
  })
  expect((await worker.reaches(["maintenance mode"])).maintenance_comments).toContain("Comment: by hand")
  expect(
    await ours("remote-edge-worker-update-maintenance-comment", "-H", name, "-c", "longer")
  ).toMatchObject({
    code: 0
  })
  expect((await site.api.worker(name))?.maintenance_comments).toContain("longer")
  expect(await ours("remote-edge-worker-exit-maintenance", "-H", name)).toMatchObject({ code: 0 })
  await worker.reaches(["idle"])
  expect(await ours("set-worker-concurrency", "-H", name, "-c", "2")).toMatchObject({ code: 0 })
  expect(await ours("add-worker-queues", "-H", name, "-q", "q1,q2")).toMatchObject({ code: 0 })
  expect(await ours("remove-worker-queues", "-H", name, "-q", "q1")).toMatchObject({ code: 0 })
  expect((await site.api.worker(name))?.queues?.toSorted()).toEqual(["default", "q2"])
  expect(await ours("shutdown-remote-edge-worker", "-H", name)).toMatchObject({ code: 0 })
  expect(await worker.end()).toEqual({ code: 0, signal: null })
  expect(await ours("remove-remote-edge-worker", "-H", name)).toMatchObject({ code: 0 })
  expect(await site.api.worker(name)).toBeUndefined()
})
