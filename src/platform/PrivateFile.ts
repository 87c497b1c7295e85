/** PrivateFile: a small file that only this user may read: who may do what. */
import { randomBytes } from "node:crypto"
import { closeSync, fchmodSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The file cannot be used as it is. The message never holds what it contains. */
export class PrivateFileUnusable extends Schema.TaggedError<PrivateFileUnusable>()("PrivateFileUnusable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path} ${this.reason}`
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error)

const attempt = <A>(path: string, what: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (error) =>
      error instanceof PrivateFileUnusable
        ? error
        : new PrivateFileUnusable({ path, reason: `${what} (${codeOf(error)})` })
  })

/** Its text; `undefined` where there is none. Refused where another user may read or write it. */
export const read = (path: string): Effect.Effect<string | undefined, PrivateFileUnusable> =>
  attempt(path, "cannot be read", () => {
    let file: number
    try {
      file = openSync(path, "r")
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined
      throw error
    }
    try {
      const { mode, uid } = fstatSync(file)
      const own = process.getuid?.()
      if (own !== undefined && uid !== own)
        throw new PrivateFileUnusable({
          path,
          reason: `belongs to user ${uid}, and this runs as user ${own}`
        })
      if ((mode & 0o077) !== 0) {
        const digits = (mode & 0o777).toString(8).padStart(4, "0")
        throw new PrivateFileUnusable({
          path,
          reason: `is open to other users (mode ${digits}). Run: chmod 600 '${path.replaceAll("'", "'\\''")}'`
        })
      }
      return readFileSync(file, "utf8")
    } finally {
      closeSync(file)
    }
  })

/** Writes it whole, or not at all, with mode 0600. */
export const write = (path: string, text: string): Effect.Effect<void, PrivateFileUnusable> =>
  attempt(path, "cannot be written", () => {
    const beside = `${path}.${randomBytes(6).toString("hex")}`
    const file = openSync(beside, "wx", 0o600)
    try {
      fchmodSync(file, 0o600)
      writeFileSync(file, text)
    } finally {
      closeSync(file)
    }
    renameSync(beside, path)
  })
