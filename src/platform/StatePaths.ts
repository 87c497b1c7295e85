/** StatePaths: where a worker's state folder lies and what the files in it are called. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** What decides where a state folder lies. */
export interface StateLocation {
  readonly airflowHome: string
  /** `[edge_worker] state_folder`; `undefined` for `$AIRFLOW_HOME/edge-worker/NAME`. */
  readonly stateFolder: string | undefined
}

const LONGEST_SEGMENT = 200

/** A worker's name as one path segment: different names never share one, and `decodeURIComponent` gives it back. */
export const segment = (name: string): string => {
  const encoded = Array.from(Buffer.from(name, "utf8"), (byte) => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9._-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")
  if (encoded === "." || encoded === "..") return encoded.replaceAll(".", "%2E")
  if (encoded.length <= LONGEST_SEGMENT) return encoded
  // a file name has 255 bytes at most; `owner.json` inside still carries the whole name
  return `${encoded.slice(0, LONGEST_SEGMENT - 70)}%${createHash("sha256").update(name).digest("hex")}`
}

/** `$AIRFLOW_HOME/edge-worker`: the folder that holds the state folders of this home's workers. */
export const parentFolder = (airflowHome: string): string => join(airflowHome, "edge-worker")

/** The state folder of the worker called `name`. */
export const stateFolderOf = (location: StateLocation, name: string): string =>
  location.stateFolder ?? join(parentFolder(location.airflowHome), segment(name))

/** Who holds, or held, a state folder. For messages and for finding the worker; the lock decides. */
export const Owner = Schema.Struct({
  worker_name: Schema.String,
  pid: Schema.Int,
  start_time: Schema.NullOr(Schema.String),
  /** ISO time. */
  started_at: Schema.String,
  /** This machine's name: a state folder on a network file system may have been another machine's. */
  machine: Schema.String
})
export type Owner = typeof Owner.Type

const decodeOwner = Schema.decodeUnknownOption(Schema.fromJsonString(Owner))

/** `owner.json` of a state folder, where there is one that can be read. */
export const readOwner = (folder: string): Option.Option<Owner> => {
  try {
    return decodeOwner(readFileSync(join(folder, "owner.json"), "utf8"))
  } catch {
    return Option.none()
  }
}

/** `sun_path` has 108 bytes on Linux, 104 on macOS and the BSDs, one of them for the NUL at the end. */
export const LONGEST_SOCKET_PATH = process.platform === "linux" ? 107 : 103

/** Where the worker of `folder` listens: the path that its file `socket` names, else `control.sock` beside it. */
export const socketPathOf = (folder: string): string => {
  try {
    return readFileSync(join(folder, "socket"), "utf8").trim()
  } catch {
    return join(folder, "control.sock")
  }
}
