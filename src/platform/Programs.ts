/** Programs: where the programs lie that a job starts: Node, one of ours as a file, and those that somebody has named. */
import { createHash } from "node:crypto"
import { accessSync, constants, existsSync, renameSync, statSync, writeFileSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Processes } from "./Processes.ts"
import { StateFolder } from "./StateFolder.ts"

/** The program cannot be started. */
export class ProgramUnusable extends Schema.TaggedError<ProgramUnusable>()("ProgramUnusable", {
  program: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.program} ${this.reason}`
  }
}

/** The programs of this machine. */
export class Programs extends Context.Service<
  Programs,
  {
    /** The Node that runs this worker. */
    readonly node: string
    /** A program of ours as a file of its own: an upgrade of this package does not change it under a job. */
    readonly ours: (name: string, text: string) => Effect.Effect<string>
    /** The path of a program: an absolute one, or a name on the worker's PATH. */
    readonly find: (program: string) => Effect.Effect<string, ProgramUnusable>
  }
>()("edge-worker/platform/Programs") {
  static readonly layer: Layer.Layer<Programs, never, Processes | StateFolder> = Layer.effect(
    Programs,
    Effect.gen(function* () {
      const { path: folder } = yield* StateFolder
      const { environment } = yield* Processes
      return Programs.of({
        node: process.execPath,
        ours: (name, text) =>
          Effect.sync(() => {
            const digest = createHash("sha256").update(text).digest("hex").slice(0, 16)
            const file = join(folder, name.replace(/(\.\w+)$/, `-${digest}$1`))
            if (!existsSync(file)) {
              writeFileSync(`${file}.new`, text, { mode: 0o600 })
              renameSync(`${file}.new`, file)
            }
            return file
          }),
        find: (program) =>
          Effect.suspend(() => {
            const found = isAbsolute(program) ? program : onPath(program, environment["PATH"] ?? "")
            const reason = found === undefined ? "is in no folder of the worker's PATH" : problemOf(found)
            return found === undefined || reason !== undefined
              ? Effect.fail(new ProgramUnusable({ program, reason: reason ?? "" }))
              : Effect.succeed(found)
          })
      })
    })
  )
}

const problemOf = (file: string): string | undefined => {
  try {
    if (!statSync(file).isFile()) return "is not a file"
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : ""
    return code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be looked at (${code})`
  }
  try {
    accessSync(file, constants.X_OK)
    return undefined
  } catch {
    return "is not executable by the user that this worker runs as"
  }
}

const onPath = (name: string, path: string): string | undefined =>
  path
    .split(":")
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find((file) => problemOf(file) === undefined)
