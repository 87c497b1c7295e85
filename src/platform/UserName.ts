/** UserName: who this process runs as, as a site knows it. */
import { userInfo } from "node:os"
import * as Context from "effect/Context"

const names = ["LOGNAME", "USER", "LNAME", "USERNAME"]

/** As Python's `getpass.getuser()`: by the environment, else by the system; the number where that has no name for it. */
const current = (): string => {
  const named = names.map((name) => process.env[name]).find((name) => name)
  if (named !== undefined) return named
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? "unknown")
  }
}

/** A test gives its own. */
export const UserName = Context.Reference<string>("edge-worker/platform/UserName", { defaultValue: current })
