/** maintenanceComment: the text under which a maintenance that was asked for on this machine is stored. */
import { userInfo } from "node:os"

const two = (number: number): string => String(number).padStart(2, "0")

/** Local time, as edge3 5.1.0 has it (`cli/edge_command.py`): `YYYY-MM-DD HH:MM`. */
const minute = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`

/** Who types, as Python's `getpass.getuser` finds it: LOGNAME, USER, LNAME, USERNAME, else the password database. */
export const currentUser = (env: Readonly<Record<string, string | undefined>>): string => {
  const named = env["LOGNAME"] || env["USER"] || env["LNAME"] || env["USERNAME"]
  if (named) return named
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`
  }
}

/** The site's column takes 1024 characters. */
export const COMMENT_LIMIT = 1024

/** `[YYYY-MM-DD HH:MM] - USER put node into maintenance mode via cli`, and the comment on the next line. */
export const maintenanceComment = (at: Date, user: string, text: string): string =>
  `[${minute(at)}] - ${user} put node into maintenance mode via cli\nComment: ${text}`
