/** standaloneSite: `edge-worker standalone` in real processes, on a machine where there is no Python to be found. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { startProgram } from "./commandLine.ts"

const program = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts")

const which = (name: string) =>
  spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim()

/** A machine of its own: a folder for the site, and a PATH with a shell and a few programs. */
export const machine = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-standalone-"))),
    (base) => Effect.sync(() => rmSync(base, { recursive: true, force: true }))
  ),
  (base) => {
    const bin = join(base, "bin")
    mkdirSync(bin)
    for (const name of ["sh", "cat", "sleep", "env"]) symlinkSync(which(name), join(bin, name))
    const folder = join(base, "site")
    const env = { PATH: bin, HOME: base }
    const start = (
      args: ReadonlyArray<string>,
      more: Readonly<Record<string, string>> = {},
      script: string = program
    ) => startProgram(process.execPath, ["--disable-sigusr1", script, ...args], { ...env, ...more })
    const commandWith = (more: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
      startProgram(
        join(bin, "sh"),
        ["-c", '. "$1"; shift; exec "$@"', "sh", join(folder, "site.sh"), process.execPath, program, ...args],
        { ...env, ...more }
      )
    return {
      base,
      folder,
      /** `edge-worker standalone` there, on any free port. */
      site: (...args: ReadonlyArray<string>) =>
        start(["standalone", "--folder", folder, "--port", "0", ...args]),
      /** A command in a shell that has read the site's `site.sh`. */
      command: (...args: ReadonlyArray<string>) => commandWith({}, ...args),
      /** The same where the shell had these variables before. */
      commandWith,
      start
    }
  }
)
