/** PrivateFolder: makes or accepts a folder that only this user can enter. */

import { lstatSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { makeFolders } from "./makeFolders.ts"

/** The folder cannot be used as it is. */
export class FolderUnusable extends Schema.TaggedError<FolderUnusable>()("FolderUnusable", {
  path: Schema.String,
  reason: Schema.String,
  /** What to do next, as a sentence or a command. */
  remedy: Schema.String
}) {
  override get message() {
    return `${this.path} ${this.reason}. ${this.remedy}`
  }
}

const create = (path: string): void => {
  makeFolders(dirname(path), 0o700)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
}

const fault = (path: string, setting: string): FolderUnusable | undefined => {
  const found = lstatSync(path)
  const unusable = (reason: string, remedy: string) => new FolderUnusable({ path, reason, remedy })
  if (found.isSymbolicLink()) {
    return unusable("is a symbolic link", `Set ${setting} to the folder itself, or remove the link`)
  }
  if (!found.isDirectory()) {
    return unusable("is not a folder", `Move it away, or set ${setting} to another path`)
  }
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid) {
    return unusable(
      `belongs to user ${found.uid}, and this runs as user ${uid}`,
      `Run it as that user, or set ${setting} to a folder of its own`
    )
  }
  const mode = found.mode & 0o777
  if ((mode & 0o077) !== 0) {
    return unusable(
      `can be entered by other users (mode ${mode.toString(8).padStart(4, "0")})`,
      `Run: chmod 700 '${path.replaceAll("'", "'\\''")}'`
    )
  }
  return undefined
}

/** Creates `path` (and what is missing above it) with mode 0700, or checks that what is there is as private. */
export const ensure = (
  path: string,
  setting = "[edge_worker] state_folder"
): Effect.Effect<void, FolderUnusable> =>
  Effect.try({
    try: () => {
      create(path)
      return fault(path, setting)
    },
    catch: (error) =>
      new FolderUnusable({
        path,
        reason: `cannot be made or read (${error instanceof Error ? error.message : String(error)})`,
        remedy: `Make its parent writable for this user, or set ${setting} to another path`
      })
  }).pipe(Effect.flatMap((found) => (found === undefined ? Effect.void : Effect.fail(found))))
