/** postgres: a PostgreSQL of its own in a temporary folder, where the programs are on this machine. */
import { spawnSync } from "node:child_process"
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Postgres {
  /** For DATABASE_URL. */
  readonly url: string
  readonly stop: () => void
}

/** Who may run it: this user, or, as PostgreSQL refuses root, the machine's user `postgres`. */
const owner = (): { readonly uid: number; readonly gid: number } | undefined => {
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()]
  if (uid !== 0) return { uid, gid }
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"))
  return line === null ? undefined : { uid: Number(line[1]), gid: Number(line[2]) }
}

const freePort = () =>
  new Promise<number>((done, fail) => {
    const server = createServer()
    server.once("error", fail)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => done(address !== null && typeof address === "object" ? address.port : 0))
    })
  })

/** Starts one; says in a word why there is none. */
export const startPostgres = async (): Promise<Postgres | string> => {
  const as = owner()
  if (as === undefined) return "this is root, and there is no user postgres"
  const folder = mkdtempSync(join(tmpdir(), "chaos-postgres-"))
  chownSync(folder, as.uid, as.gid)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const data = join(folder, "data")
  const run = (program: string, args: ReadonlyArray<string>) => {
    const { error, status, stderr } = spawnSync(program, args, {
      ...as,
      cwd: folder,
      encoding: "utf8",
      // pg_ctl's child keeps its outputs: a pipe would never end
      stdio: program === "pg_ctl" ? "ignore" : "pipe",
      timeout: 60_000
    })
    return error !== undefined
      ? error.message
      : status === 0
        ? undefined
        : `${program}: ${stderr ?? "failed"}`
  }
  const port = await freePort()
  const settings = `-p ${port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200`
  const problem =
    run("initdb", ["-D", data, "-A", "trust", "-U", "airflow", "-E", "UTF8", "--no-sync"]) ??
    run("pg_ctl", ["-D", data, "-w", "-l", join(folder, "log"), "-o", settings, "start"])
  if (problem !== undefined) {
    remove()
    return problem
  }
  return {
    url: `postgresql://airflow@127.0.0.1:${port}/postgres`,
    stop: () => {
      run("pg_ctl", ["-D", data, "-w", "-m", "immediate", "stop"])
      remove()
    }
  }
}
