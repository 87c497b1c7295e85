/** machine: a root file system with one executable, its C library, CA files and /tmp; nothing else can be run or read there. */
import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"

/** Where the executable lies in it. */
const program = "/edge-tasks"

/** The shared libraries that the executable is linked with: those of glibc and of the C++ compiler. */
const libraries = (executable: string): ReadonlyArray<string> =>
  execFileSync("ldd", [executable], { encoding: "utf8" })
    .split("\n")
    .flatMap((line) => /(?:=>\s*)?(\/\S+)\s+\(0x/.exec(line)?.[1] ?? [])

const certificates = ["/etc/ssl/certs/ca-certificates.crt"].filter((file) => existsSync(file))

/** Makes it anew in `root`. */
export const makeMachine = (root: string, executable: string) => {
  rmSync(root, { recursive: true, force: true })
  for (const folder of ["tmp", "proc", "dev"]) mkdirSync(join(root, folder), { recursive: true })
  for (const file of [...libraries(executable), ...certificates]) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    copyFileSync(file, join(root, file))
  }
  copyFileSync(executable, join(root, program))
}

/**
 * The words that become the executable inside, in the same process: a mount namespace of its own, the kernel's /proc
 * and /dev, and `home` at its own path, where the worker's state and logs go.
 */
export const inMachine = (root: string, home: string): ReadonlyArray<string> => [
  "unshare",
  ...(process.getuid?.() === 0 ? [] : ["--map-root-user"]),
  "--mount",
  "sh",
  "-c",
  `set -e
mkdir -p "$1$2"
mount --bind "$2" "$1$2"
mount --rbind /proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1
shift 2
exec chroot "$root" ${program} "$@"`,
  "sh",
  root,
  home
]
