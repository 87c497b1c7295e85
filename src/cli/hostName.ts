/** hostName: the worker's default name, as `airflow.utils.net.getfqdn()` gives it. */
import { execFile } from "node:child_process"
import { hostname } from "node:os"
import * as Effect from "effect/Effect"

const TIMEOUT_MILLIS = 5_000

/**
 * This machine's canonical name. Airflow 3.3.2 takes `getaddrinfo`'s (`utils/net.py`), which Node does not give and
 * `hostname -f` does; the plain host name where there is none.
 */
export const canonicalHostName: Effect.Effect<string> = Effect.callback<string | undefined>((resume) => {
  const child = execFile("hostname", ["-f"], { timeout: TIMEOUT_MILLIS, encoding: "utf8" }, (error, stdout) =>
    resume(Effect.succeed(error === null && stdout.trim() !== "" ? stdout.trim() : undefined))
  )
  return Effect.sync(() => child.kill("SIGKILL"))
}).pipe(
  Effect.flatMap((name) =>
    name !== undefined
      ? Effect.succeed(name)
      : Effect.as(
          Effect.logWarning(
            "`hostname -f` gave no name; the plain host name is used. -H sets the name for good",
            {
              name: hostname()
            }
          ),
          hostname()
        )
  )
)
