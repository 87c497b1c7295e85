/** standaloneFolder: the one folder of a standalone site: its lock, its airflow.cfg, its example, and what it is read with. */
import { randomUUID } from "node:crypto"
import { existsSync, linkSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ConfigSources } from "../platform/ConfigSources.ts"
import * as FolderLock from "../platform/FolderLock.ts"
import { ensure, FolderUnusable } from "../platform/PrivateFolder.ts"
import { failed } from "./CommandFailed.ts"
import { exampleScript } from "./exampleScript.ts"

const airflowCfg = `# The settings of this standalone site; \`edge-worker standalone\` made this file and will not change it.
# All keys: docs/config.md of edge-worker. A line that begins with a blank goes on with the one above it.

[edge_worker]
# Which tasks run which command: a program and its arguments, never a shell's line. Then, for one of them:
#   edge-worker submit example hello --conf '{"name": "you"}'
commands = {
    "example.hello": ["sh", "{AIRFLOW_HOME}/hello.sh"]
  }

[edge]
# A small site in one process can be quick.
heartbeat_interval = 5
job_poll_interval = 1
worker_concurrency = 4
# Ctrl-C: running jobs get 5 seconds to finish, then SIGTERM, then 5 seconds more.
drain_timeout_sec = 5
drain_kill_grace_sec = 5
`

/** Left as it is where it is there already: it is the user's from the first start on. */
const make = (folder: string, name: string, text: string) => {
  if (existsSync(join(folder, name))) return
  const fresh = join(folder, `.${name}.${randomUUID().slice(0, 8)}`)
  writeFileSync(fresh, text, { mode: 0o600, flag: "wx" })
  try {
    // Whole or not at all, and never over one that has just come.
    linkSync(fresh, join(folder, name))
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Locks the folder until the scope ends; made with what is missing in it. */
export const holdFolder = Effect.fnUntraced(function* (folder: string) {
  yield* ensure(folder, "--folder")
  yield* FolderLock.acquire(join(folder, "lock")).pipe(
    Effect.mapError((error) =>
      failed(
        "held",
        error._tag === "LockHeld"
          ? `${folder} is in use: another \`edge-worker standalone\` runs there. End it, or name another folder with --folder`
          : `${folder} cannot be used: ${error.message}. Name a folder on a local disk with --folder`
      )
    )
  )
  yield* Effect.try({
    try: () => {
      make(folder, "airflow.cfg", airflowCfg)
      make(folder, "hello.sh", exampleScript)
    },
    catch: (error) =>
      new FolderUnusable({
        path: folder,
        reason: `cannot be written (${error instanceof Error ? error.message : String(error)})`,
        remedy: "Name another folder with --folder"
      })
  })
})

/** As a word of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** A site as a shell and the workers that it starts are to know it; secrets stay in their files. */
export interface SiteFile {
  readonly site: URL
  readonly tokenFile: string
  /** Undefined where airflow.cfg has the secret. */
  readonly secretFile: string | undefined
  /** What makes a worker one of this site. */
  readonly worker: Readonly<Record<string, string>>
}

/** What a shell reads to have its `edge-worker` commands mean this site; anew at each start, as its port may be another. */
export const writeSiteFile = (
  folder: string,
  { secretFile, site, tokenFile, worker }: SiteFile
): Effect.Effect<string> =>
  Effect.sync(() => {
    const path = join(folder, "site.sh")
    const variables = {
      AIRFLOW_HOME: folder,
      AIRFLOW__EDGE_WORKER__MANAGEMENT_URL: site.href,
      AIRFLOW__EDGE_WORKER__MANAGEMENT_TOKEN_CMD: `cat ${quoted(tokenFile)}`,
      ...worker,
      ...(secretFile === undefined ? {} : { AIRFLOW__API_AUTH__JWT_SECRET_CMD: `cat ${quoted(secretFile)}` })
    }
    // Those of another site would go before what is said here.
    const others = [
      "AIRFLOW_CONFIG",
      "AIRFLOW__API_AUTH__JWT_SECRET",
      "AIRFLOW__EDGE_WORKER__MANAGEMENT_TOKEN",
      "AIRFLOW__EDGE_WORKER__STATE_FOLDER",
      "AIRFLOW__LOGGING__BASE_LOG_FOLDER"
    ]
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    rmSync(`${path}.new`, { force: true })
    writeFileSync(`${path}.new`, `# For a shell: . ${path}\nunset ${others.join(" ")}\n${lines.join("")}`, {
      mode: 0o600,
      flag: "wx"
    })
    renameSync(`${path}.new`, path)
    return path
  })

/** Of our own settings all but the places, which are this folder's; those of a real site would lead elsewhere. */
const mayCome = (name: string) =>
  !name.startsWith("AIRFLOW") || /^AIRFLOW__(?:EDGE_WORKER|EDGE_CENTRAL)__(?!STATE_FOLDER$)/.test(name)

/** The configuration's sources, with the folder as Airflow's home; `more` goes before what its airflow.cfg says. */
export const sourcesIn = (folder: string, more: Readonly<Record<string, string>>) =>
  Layer.effect(
    ConfigSources,
    Effect.map(ConfigSources, (machine) => ({
      ...machine,
      env: {
        ...Object.fromEntries(Object.entries(machine.env).filter(([name]) => mayCome(name))),
        AIRFLOW_HOME: folder,
        ...more
      }
    }))
  ).pipe(Layer.provide(ConfigSources.layer))
