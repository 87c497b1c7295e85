/** homeFolder: where a user of this machine lives, for a `~` or `~user` in a setting. */
import { readFileSync } from "node:fs"
import * as os from "node:os"

/** The home folder that /etc/passwd gives for a user, for our own without a name; `undefined` for an unknown one. */
export const homeFolder = (user?: string): string | undefined => {
  try {
    if (user === undefined) return os.userInfo().homedir
    const rows = readFileSync("/etc/passwd", "utf8").split("\n")
    return rows.map((row) => row.split(":")).find(([name]) => name === user)?.[5]
  } catch {
    // No such user, or a machine without the file: Python leaves the ~ as it is, and so do we.
    return undefined
  }
}
