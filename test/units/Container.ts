/** Container: a container as our Containerfile describes it, over this machine's own programs in place of an image's. */
import { execFile, execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { packageFolder, type Site, user } from "./site.ts"

const execute = promisify(execFile)

/** What the Containerfile says of how the container runs. */
const containerfile = readFileSync(join(packageFolder, "docs", "guides", "Containerfile"), "utf8")
const command = ["ENTRYPOINT", "CMD"].flatMap(
  (word): ReadonlyArray<string> =>
    JSON.parse(new RegExp(`^${word} (\\[.*\\])$`, "m").exec(containerfile)?.[1] ?? "[]")
)
const home = /^ENV AIRFLOW_HOME=(\S+)/m.exec(containerfile)?.[1] ?? ""

/** An image's folders: its programs and libraries are this machine's, and cannot be written. */
const makeRoot = (folder: string): string => {
  const root = join(folder, "root")
  for (const at of [
    "usr",
    "etc",
    "tmp",
    "proc",
    "dev",
    "sys",
    "run",
    "var",
    "opt/edge-worker",
    "opt/bin",
    home
  ])
    mkdirSync(join(root, at), { recursive: true })
  for (const at of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${at}`, join(root, at))
  writeFileSync(join(root, "opt/bin/node"), "")
  symlinkSync("../edge-worker/bin/edge-worker.mjs", join(root, "opt/bin/edge-worker"))
  writeFileSync(join(root, "etc/passwd"), `airflow:x:${user}:${user}::${home}:/bin/sh\n`)
  chmodSync(join(root, "tmp"), 0o1777)
  return root
}

const mounts = [
  "/usr:/usr:ro",
  `${packageFolder}:/opt/edge-worker:ro`,
  `${process.execPath}:/opt/bin/node:ro`
]

/** Its own storage: podman's of this machine is not touched. */
const podman = (folder: string, runtime: string): ReadonlyArray<string> => [
  ...["--root", join(folder, "storage"), "--runroot", join(folder, "run"), "--runtime", runtime],
  ...["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
]

/** Limits that every machine allows: podman's own are above those of some. */
const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]

const create = (folder: string, name: string, ...args: ReadonlyArray<string>) => [
  ...["create", "--name", name, "--network", "host", "--user", "airflow", ...limits],
  ...["--env", "PATH=/opt/bin:/usr/bin:/bin", "--env", `AIRFLOW_HOME=${home}`],
  ...mounts.flatMap((mount) => ["--volume", mount]),
  ...args.slice(0, args.indexOf("--")),
  ...["--rootfs", makeRoot(folder), ...args.slice(args.indexOf("--") + 1)]
]

/** The runtime that works here, or why there can be no container. */
export const findRuntime = (): { readonly runtime: string } | { readonly reason: string } => {
  const reasons: Array<string> = []
  for (const runtime of ["crun", "runc"]) {
    const folder = mkdtempSync(join(tmpdir(), "edge-worker-container-"))
    const ask = (...args: ReadonlyArray<string>) =>
      execFileSync("podman", [...podman(folder, runtime), ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"]
      })
    try {
      ask(...create(folder, "probe", "--", "/usr/bin/tini", "--", "edge-worker", "--version"))
      const version = ask("start", "--attach", "probe")
      if (version.trim() !== "") return { runtime }
      reasons.push(`${runtime}: it says nothing`)
    } catch (error) {
      const { message, stderr } = error as { readonly message: string; readonly stderr?: string }
      reasons.push(`${runtime}: ${(stderr ?? "").trim() || message}`)
    } finally {
      try {
        ask("rm", "--force", "probe")
      } catch {
        // there is none
      }
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return { reason: reasons.join("; ") }
}

/** A container of the site's worker; its home is the site's, so it outlives the container. */
export class Container {
  readonly #site: Site
  readonly #runtime: string

  constructor(site: Site, runtime: string) {
    this.#site = site
    this.#runtime = runtime
  }

  async podman(...args: ReadonlyArray<string>): Promise<string> {
    const { stdout } = await execute("podman", [...podman(this.#site.folder, this.#runtime), ...args])
    return stdout
  }

  async create(): Promise<void> {
    const { folder } = this.#site
    const own = ["--env-file", join(folder, "env"), "--volume", `${this.#site.home}:${home}`]
    await this.podman(...create(folder, "worker", ...own, "--", ...command))
  }

  /** Its processes. */
  async processes(): Promise<ReadonlyArray<string>> {
    return (await this.podman("top", "worker", "pid", "args")).trim().split("\n").slice(1)
  }

  /** How it ended. */
  async exitCode(): Promise<number> {
    return Number(await this.podman("inspect", "--format", "{{.State.ExitCode}}", "worker"))
  }

  /** When it was started, in milliseconds since 1970. */
  async startedAt(): Promise<number> {
    const text = await this.podman("inspect", "--format", "{{.State.StartedAt.UnixMilli}}", "worker")
    return Number(text)
  }

  async close(): Promise<void> {
    await this.podman("rm", "--force", "--time", "0", "worker")
  }
}
