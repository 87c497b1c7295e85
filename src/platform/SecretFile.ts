/** SecretFile: a secret that is made once and then read from a file which only this user can read. */
import { randomBytes } from "node:crypto"
import { linkSync, lstatSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ensure, FolderUnusable } from "./PrivateFolder.ts"

/** Whoever makes one by hand makes one that nobody guesses. */
const shortest = 32

const read = (path: string): string | FolderUnusable | undefined => {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  const unusable = (reason: string, remedy: string) => new FolderUnusable({ path, reason, remedy })
  if (!found.isFile()) return unusable("is not a file", "Move it away: a new one is made at the next start")
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid)
    return unusable(`belongs to user ${found.uid}, and this is user ${uid}`, "Start the central as that user")
  const mode = found.mode & 0o777
  if ((mode & 0o077) !== 0) {
    const octal = mode.toString(8).padStart(4, "0")
    return unusable(
      `can be read by other users (mode ${octal})`,
      "If nobody has read it, `chmod 600` it. Else remove it: a new one is made at the next start, and whoever uses the old one must be given that"
    )
  }
  const secret = readFileSync(path, "utf8").trim()
  return secret.length < shortest
    ? unusable(`holds no secret of ${shortest} characters`, "Remove it: a new one is made at the next start")
    : secret
}

const make = (path: string): void => {
  const fresh = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`
  try {
    writeFileSync(fresh, randomBytes(48).toString("base64url"), { mode: 0o600, flag: "wx", flush: true })
    // Of two that start at once the first wins, and nobody reads half a secret.
    linkSync(fresh, path)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Keeps secrets of the central's own. */
export class SecretFile extends Context.Service<
  SecretFile,
  {
    /** The secret of that name in a private folder; made with its folder where there is none. */
    readonly readOrMake: (
      folder: string,
      name: string
    ) => Effect.Effect<{ readonly secret: Redacted.Redacted; readonly path: string }, FolderUnusable>
  }
>()("edge-worker/platform/SecretFile") {
  /** Files of mode 0600. */
  static readonly layer = Layer.succeed(SecretFile, {
    readOrMake: Effect.fnUntraced(function* (folder, name) {
      yield* ensure(folder, "[edge_central] state_folder")
      const path = join(folder, name)
      const found = yield* Effect.try({
        try: () => {
          if (read(path) === undefined) make(path)
          return read(path)
        },
        catch: (error) =>
          new FolderUnusable({
            path,
            reason: `cannot be made or read (${error instanceof Error ? error.message : String(error)})`,
            remedy: "Set [edge_central] state_folder to a folder that this user can write"
          })
      })
      if (found instanceof FolderUnusable) return yield* found
      return { secret: Redacted.make(found ?? "", { label: name }), path }
    })
  })

  /** The same secret for every name, for tests and embedding. */
  static readonly layerMemory = (secret: string) =>
    Layer.succeed(SecretFile, {
      readOrMake: (folder, name) =>
        Effect.succeed({ secret: Redacted.make(secret, { label: name }), path: join(folder, name) })
    })
}
