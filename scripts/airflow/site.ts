/** site: starts and stops a real Airflow with the EdgeExecutor in a folder of its own. */
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, Socket } from "node:net"
import { join, resolve } from "node:path"
import * as Schema from "effect/Schema"
import { type SiteApi, siteApi } from "./api.ts"
import { dagIds } from "./dags.ts"
import {
  asShell,
  type Environment,
  type SiteSettings,
  siteEnvironment,
  workerEnvironment
} from "./environment.ts"
import { eventually } from "./eventually.ts"
import { airflowVersion, edgeVersion, install, Missing } from "./install.ts"
import { allProcesses, isAlive, signalProcess, treeOf, workingFolder } from "./processes.ts"

const parts = ["api-server", "scheduler", "dag-processor", "triggerer"] as const

const Stored = Schema.Struct({
  port: Schema.Int,
  jwtSecret: Schema.String,
  database: Schema.String,
  /** The session of all its processes; null while it is stopped. */
  session: Schema.NullOr(Schema.Int),
  /** Those of parts that were started anew since. */
  later: Schema.optionalKey(Schema.Array(Schema.Int))
})

/** A running site. */
export interface Site {
  readonly folder: string
  readonly url: string
  readonly settings: SiteSettings
  readonly environment: Environment
  readonly workerEnvironment: (home: string, url?: string) => Environment
  readonly api: SiteApi
}

export interface UpOptions {
  readonly say: (line: string) => void
  /** Stops the site when this process ends, however it ends. Default: the site stays. */
  readonly tied?: boolean
  /** SQLAlchemy's or libpq's address of the database. Default: DATABASE_URL, else SQLite. */
  readonly database?: string
  /** Further variables for the site's processes. */
  readonly settings?: Environment
}

const storedAt = (folder: string) => join(folder, "site.json")

const read = (folder: string): typeof Stored.Type | undefined =>
  existsSync(storedAt(folder))
    ? Schema.decodeUnknownSync(Schema.fromJsonString(Stored))(readFileSync(storedAt(folder), "utf8"))
    : undefined

const write = (folder: string, stored: typeof Stored.Type) =>
  writeFileSync(storedAt(folder), `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 })

const siteOf = (folder: string, settings: SiteSettings): Site => {
  const url = `http://127.0.0.1:${settings.port}`
  return {
    folder,
    url,
    settings,
    environment: siteEnvironment(folder, settings),
    workerEnvironment: (home, through) => workerEnvironment(folder, settings, home, through),
    api: siteApi(url)
  }
}

/** A port that is free now: the wanted one, or any. */
const freePort = (wanted: number): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer()
    server.once("error", () => (wanted === 0 ? fail(new Error("no port is free")) : done(freePort(0))))
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => done(address !== null && typeof address === "object" ? address.port : 0))
    })
  })

/**
 * Everything of the site that runs. A session's number may be used again when the last of its processes is gone:
 * it is ours while one of them works in our folder, as the leader made all of them do.
 */
const members = (folder: string, { session, later = [] }: Pick<typeof Stored.Type, "later" | "session">) => {
  const all = session === null ? [] : allProcesses()
  return [session, ...later].flatMap((each) => {
    const inside = all.filter((info) => info.session === each)
    return inside.some((info) => workingFolder(info.pid) === folder) ? inside : []
  })
}

const tail = (folder: string, part: string) =>
  readFileSync(join(folder, `${part}.log`), "utf8")
    .trim()
    .split("\n")
    .slice(-8)
    .join("\n")

/**
 * The parts as one shell's children: one session, so that no part is overlooked when it is stopped. One that crashes is
 * started again, as whoever runs a site would do it: Python 3.11 under load ends by SIGSEGV, though rarely.
 */
const leaderScript = (folder: string, tied: boolean) => `
cd '${folder}'
part() {
  : > "$1.log"
  while airflow "$1" >> "$1.log" 2>&1 < /dev/null; code=$?; [ $code = 134 ] || [ $code = 135 ] || [ $code = 139 ]; do
    echo "$1 crashed by signal $((code - 128)) and is started again"
  done
}
${parts.map((part) => `part ${part} & echo $! > '${part}.pid'`).join("\n")}
${tied ? "read -r _; trap '' TERM; kill 0; sleep 5; kill -9 0" : "wait"}
`

/** How many of the site's parts have crashed and were started again: what they were about to answer, nobody has got. */
export const crashes = (folder: string): number =>
  readFileSync(join(folder, "leader.log"), "utf8").split(" crashed by signal ").length - 1

/** The running site of the folder. */
export const find = (folder: string): Site | undefined => {
  const stored = read(resolve(folder))
  if (stored === undefined || stored.session === null) return undefined
  return members(resolve(folder), stored).length === 0 ? undefined : siteOf(resolve(folder), stored)
}

/** Installs what is missing, starts the site, and waits until it has all our Dags. */
export const up = async (
  path: string,
  { say, tied = false, database, settings = {} }: UpOptions
): Promise<Site> => {
  const folder = resolve(path)
  const running = find(folder)
  if (running !== undefined) {
    say(`the site in ${folder} runs already at ${running.url}`)
    return running
  }
  if (!existsSync("/proc/self/stat"))
    throw new Missing("this script needs Linux: it finds processes in /proc")
  const given = (database ?? process.env["DATABASE_URL"])?.replace(
    /^postgres(ql)?:\/\//,
    "postgresql+psycopg2://"
  )
  install(folder, { postgres: given !== undefined, say })

  mkdirSync(join(folder, "home"), { recursive: true })
  const before = read(folder)
  const stored = {
    port: await freePort(before?.port ?? 0),
    jwtSecret: before?.jwtSecret ?? randomBytes(48).toString("hex"),
    database: given ?? `sqlite:///${join(folder, "home", "airflow.db")}`
  }
  const plain = siteOf(folder, stored)
  const site = { ...plain, environment: { ...plain.environment, ...settings } }
  writeFileSync(join(folder, "site-env"), asShell(site.environment), { mode: 0o600 })
  writeFileSync(join(folder, "worker-env"), asShell(site.workerEnvironment(join(folder, "worker"))), {
    mode: 0o600
  })

  say("preparing the database")
  const migrate = spawnSync("airflow", ["db", "migrate"], { env: site.environment, encoding: "utf8" })
  writeFileSync(join(folder, "migrate.log"), `${migrate.stdout}${migrate.stderr}`)
  if (migrate.status !== 0)
    throw new Missing(`"airflow db migrate" fails: see ${join(folder, "migrate.log")}`)

  say(`starting ${parts.join(", ")} at ${site.url}`)
  const output = openSync(join(folder, "leader.log"), "w")
  const leader = spawn("sh", ["-c", leaderScript(folder, tied)], {
    detached: true,
    stdio: [tied ? "pipe" : "ignore", output, output],
    env: site.environment
  })
  leader.unref()
  // the pipe that ties the site to this process must not keep this process alive
  if (leader.stdin instanceof Socket) leader.stdin.unref()
  if (leader.pid === undefined) throw new Error("sh cannot be started")
  write(folder, { ...stored, session: leader.pid })
  try {
    await ready(site)
  } catch (error) {
    await down(folder)
    throw error
  }
  say(`a real Airflow ${airflowVersion} with edge3 ${edgeVersion} is up at ${site.url}`)
  return site
}

/** Kills one part of the site at once and starts it anew; it is ready when it answers. `tied` as in `up`. */
export const restartPart = (
  site: Site,
  part: (typeof parts)[number],
  { tied }: { readonly tied: boolean }
) => {
  const { folder } = site
  const stored = read(folder)
  if (stored === undefined) throw new Error(`no site runs in ${folder}`)
  for (const info of treeOf(Number(readFileSync(join(folder, `${part}.pid`), "utf8"))))
    signalProcess(info.pid, "SIGKILL")
  const script = `cd '${folder}'
airflow ${part} >> '${part}.log' 2>&1 < /dev/null & echo $! > '${part}.pid'
${tied ? "read -r _; kill -9 0" : "wait"}`
  const leader = spawn("sh", ["-c", script], {
    detached: true,
    stdio: [tied ? "pipe" : "ignore", "ignore", "ignore"],
    env: site.environment
  })
  leader.unref()
  if (leader.stdin instanceof Socket) leader.stdin.unref()
  if (leader.pid === undefined) throw new Error("sh cannot be started")
  write(folder, { ...stored, later: [...(stored.later ?? []), leader.pid] })
}

/** Waits for the scheduler's health and every Dag; fails at once when a part has died or a Dag does not load. */
const ready = async (site: Site): Promise<void> => {
  const dead = () =>
    parts.find((part) => {
      const file = join(site.folder, `${part}.pid`)
      return existsSync(file) && !isAlive(Number(readFileSync(file, "utf8")))
    })
  let failure: string | undefined
  const look = async () => {
    const part = dead()
    if (part !== undefined) failure = `${part} has ended:\n${tail(site.folder, part)}`
    else failure = (await site.api.importErrors())[0]
    if (failure !== undefined) return "failed"
    const missing = await site.api.missingDags(dagIds)
    if (missing.length > 0) return `Dags not there yet: ${missing.join(", ")}`
    return (await site.api.schedulerHealthy()) ? "ready" : "the scheduler is not healthy yet"
  }
  await eventually("the site is ready", look, (seen) => seen === "ready" || seen === "failed", {
    seconds: 180,
    everyMillis: 300
  })
  if (failure !== undefined) throw new Error(failure)
}

/** Stops the site of the folder: SIGTERM, and SIGKILL for what is left after ten seconds. */
export const down = async (path: string): Promise<void> => {
  const folder = resolve(path)
  const stored = read(folder)
  if (stored === undefined || stored.session === null) return
  const left = () => members(folder, stored)
  for (const info of left()) signalProcess(info.pid, "SIGTERM")
  try {
    await eventually(
      "the site ends",
      () => left().length,
      (count) => count === 0,
      { seconds: 10 }
    )
  } catch {
    for (const info of left()) signalProcess(info.pid, "SIGKILL")
    await eventually(
      "the site is gone",
      () => left().length,
      (count) => count === 0,
      { seconds: 10 }
    )
  }
  for (const part of parts) rmSync(join(folder, `${part}.pid`), { force: true })
  const { later: _, ...rest } = stored
  write(folder, { ...rest, session: null })
}
