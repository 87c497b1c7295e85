/**
 * fuzz-openapi: schemathesis against an `edge-worker central` of its own: what it publishes of the Edge API and of its own
 * API, and the management API. Fails on a 5xx and on an answer that the description does not have. About two minutes.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import * as OpenApi from "effect/http-api/OpenApi"
import { ServedManagementApi } from "../src/central/ManagementHandlers.ts"

const release = "4.32.5"
const { values } = parseArgs({
  options: { examples: { type: "string", default: "40" }, seed: { type: "string", default: "1" } }
})
const root = resolve(import.meta.dirname, "..")
const say = (text: string) => process.stderr.write(`${text}\n`)

/** Checks whose failure is a fault of ours; what the others find depends on what happens to be stored. */
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
  "ignored_auth"
]

const must = (command: string, args: ReadonlyArray<string>) => {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`)
}

/** Its own Python environment, beside that of the real Airflow. */
const install = (): string => {
  const venv = join(root, ".airflow", "fuzz")
  const mark = join(venv, "installed.txt")
  if (existsSync(mark) && readFileSync(mark, "utf8") === release) return venv
  say(`installing schemathesis ${release} in ${venv}`)
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(venv, { recursive: true })
  must(process.env["PYTHON"] ?? "python3", ["-m", "venv", venv])
  must(join(venv, "bin", "pip"), ["install", "-q", "--disable-pip-version-check", `schemathesis==${release}`])
  writeFileSync(mark, release)
  return venv
}

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return address !== null && typeof address === "object" ? address.port : 0
}

const started = async (folder: string, secret: string) => {
  const port = await freePort()
  const child = spawn(
    process.execPath,
    [join(root, "bin/edge-worker.mjs"), "central", "--port", String(port)],
    {
      env: {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AIRFLOW"))),
        AIRFLOW_HOME: folder,
        AIRFLOW__API_AUTH__JWT_SECRET: secret,
        AIRFLOW__EDGE_CENTRAL__ALLOW_RAW_WORKLOADS: "True"
      },
      stdio: ["ignore", "pipe", "pipe"]
    }
  )
  let log = ""
  child.stderr.on("data", (data: Buffer) => {
    log += data.toString()
  })
  const listens = new Promise<void>((done, fail) => {
    child.stdout.on("data", () => done())
    child.once("exit", (code) => fail(new Error(`the central ended with ${code}: ${log}`)))
  })
  await listens
  return { child, log: () => log, url: `http://127.0.0.1:${port}` }
}

const stop = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGTERM")
  await once(child, "exit")
}

const fuzz = async (name: string, venv: string, env: Record<string, string>, args: ReadonlyArray<string>) => {
  say(`━━ ${name}`)
  const child = spawn(
    join(venv, "bin", "schemathesis"),
    [
      ...["run", "--checks", checks.join(","), "--phases", "examples,coverage,fuzzing"],
      ...["--max-examples", values.examples, "--seed", values.seed, "--request-timeout", "10"],
      ...["--suppress-health-check", "all", "--warnings", "off", "--generation-database", "none"],
      ...["--continue-on-failure", ...args]
    ],
    { cwd: folder, env: { ...process.env, ...env, NO_COLOR: "1" }, stdio: ["ignore", "inherit", "inherit"] }
  )
  const [code] = (await once(child, "exit")) as [number | null]
  return code === 0
}

const venv = install()
const folder = mkdtempSync(join(tmpdir(), "edge-worker-fuzz-"))
const secret = `a good secret of a run: Lw3vN8hZq1TtYbR0sK5e${process.pid}`
const { child, log, url } = await started(folder, secret)
const results: Array<boolean> = []
try {
  const admin = readFileSync(join(folder, "edge-central", "admin-token"), "utf8").trim()
  const bearer = ["--header", `Authorization: Bearer ${admin}`]
  const management = join(folder, "management.json")
  writeFileSync(management, JSON.stringify(OpenApi.fromApi(ServedManagementApi)))
  const hooks = { SCHEMATHESIS_HOOKS: join(root, "scripts/fuzz/hooks.py") }
  const signed = { ...hooks, FUZZ_SECRET: secret }
  // first the jobs, which workers then ask for
  results.push(await fuzz("the central's own API", venv, hooks, [...bearer, `${url}/central/openapi.json`]))
  results.push(await fuzz("Edge API", venv, signed, [`${url}/edge_worker/openapi.json`]))
  results.push(await fuzz("management API", venv, hooks, [...bearer, management, "--url", url]))
  // What a person would find in the log, whatever was answered.
  const errors = log()
    .split("\n")
    .filter((line) => / ERROR | FATAL /.test(line))
  for (const error of errors.slice(0, 20)) say(error)
  results.push(errors.length === 0 && child.exitCode === null)
  // Were the signatures wrong, everything would be refused and nothing found.
  const taken = [/worker .* registered/, /admin submitted /].map((line) => line.test(log()))
  if (taken.includes(false)) say("no request got through: the fuzz has tested nothing")
  results.push(!taken.includes(false))
} finally {
  await stop(child)
  rmSync(folder, { recursive: true, force: true })
}
const failed = results.filter((ok) => !ok).length
process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
