/** airflow-site: starts and stops a real Airflow with the EdgeExecutor in a folder of its own. */
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { Missing } from "./airflow/install.ts"
import { down, find, up } from "./airflow/site.ts"

const usage = `node scripts/airflow-site.ts COMMAND [--folder FOLDER]

  up            installs Airflow and edge3 where they are missing, starts the site, and says how to use it
  down          stops it
  run -- CMD    runs CMD with the site's environment; a site that does not run yet lives as long as CMD

FOLDER is .airflow by default. The database is SQLite, or the PostgreSQL of DATABASE_URL. PYTHON names
the Python to install with.
`

const say = (line: string) => process.stderr.write(`${line}\n`)

const runCommand = async (folder: string, command: ReadonlyArray<string>): Promise<number> => {
  const started = find(folder) === undefined
  const site = await up(folder, { say, tied: started })
  try {
    return await new Promise<number>((done, fail) => {
      const [name = "true", ...args] = command
      const child = spawn(name, args, {
        stdio: "inherit",
        env: { ...site.environment, EDGE_WORKER_TEST_SITE_FOLDER: site.folder }
      })
      // the terminal sends these to the child as well; the site is stopped when the child has ended
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
        process.on(signal, () => child.kill(signal))
      child.once("error", fail)
      child.once("exit", (code, signal) => done(signal === null ? (code ?? 1) : 1))
    })
  } finally {
    if (started) await down(folder)
  }
}

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { folder: { type: "string", default: ".airflow" }, help: { type: "boolean", short: "h" } }
  })
  const [command, ...rest] = positionals
  const folder = resolve(values.folder)
  if (command === "up") {
    const site = await up(folder, { say })
    say(
      `site: . ${folder}/site-env    worker: . ${folder}/worker-env    stop: node scripts/airflow-site.ts down`
    )
    process.stdout.write(`${site.url}\n`)
    return 0
  }
  if (command === "down") {
    await down(folder)
    return 0
  }
  if (command === "run" && rest.length > 0) return runCommand(folder, rest)
  process.stderr.write(usage)
  return values.help === true ? 0 : 2
}

try {
  process.exit(await main())
} catch (error) {
  say(error instanceof Missing ? `missing: ${error.message}` : String(error))
  process.exit(1)
}
