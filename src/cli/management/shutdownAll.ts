/** shutdownAll: `edge-worker shutdown-all-workers`. */
import { createInterface } from "node:readline/promises"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import type { ManagementFailed } from "../../management/ManagementError.ts"
import { failed } from "../CommandFailed.ts"
import { isGone } from "./gone.ts"
import { describedWith, tell, usage } from "./managedWorker.ts"
import { escaped } from "./output.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "shutdown-all-workers"

const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do not ask"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)

/** Airflow's question; anything but y is a no. */
const confirmed = (workers: ReadonlyArray<string>) =>
  Effect.callback<boolean>((resume) => {
    const prompt = createInterface({ input: process.stdin, output: process.stderr })
    const listed = workers.slice(0, 10).map(escaped).join(", ")
    const more = workers.length > 10 ? ` and ${workers.length - 10} more` : ""
    // the end of the input is a no too
    prompt.once("close", () => resume(Effect.succeed(false)))
    prompt
      .question(
        `${listed}${more}\nThis will shutdown all active edge workers, this cannot be undone! Proceed? (y/n) `
      )
      .then(
        (answer) => resume(Effect.succeed(answer.trim().toUpperCase() === "Y")),
        () => resume(Effect.succeed(false))
      )
      .finally(() => prompt.close())
    return Effect.sync(() => prompt.close())
  })

export const shutdownAll = Command.make(name, { yes, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    if (!given.yes && (process.stdin.isTTY !== true || process.stderr.isTTY !== true)) {
      return yield* usage(name, "there is no terminal to ask on; with -y it does not ask")
    }
    yield* Effect.gen(function* () {
      const client = yield* ManagementClient
      const active = (yield* client.workers({}))
        .filter(({ state }) => !isGone(state))
        .map(({ worker_name }) => worker_name)
      if (active.length === 0) {
        yield* tell("No edge workers found to shutdown.")
        return
      }
      if (!given.yes && !(yield* confirmed(active))) return yield* failed("cancelled", "Cancelled")
      const refused: Array<ManagementFailed> = []
      for (const worker of active) {
        const error = yield* client.shutdown(worker).pipe(Effect.as(undefined), Effect.catch(Effect.succeed))
        if (error === undefined) yield* tell(`Requested shutdown of Edge Worker host ${escaped(worker)}`)
        // removed since it was listed: it is down
        else if (error.why !== "unknownWorker") {
          refused.push(error)
          yield* tell(`Failed to shutdown Edge Worker host ${escaped(worker)}: ${error.message}`)
          // the others would fail the same way
          if (error.why !== "refused") break
        }
      }
      const [first] = refused
      if (first !== undefined) return yield* first
      yield* tell(`Requested shutdown of ${active.length} edge workers.`)
    }).pipe(onSite(name, given))
  })
).pipe(
  Command.withShortDescription("Let all workers of the site finish their jobs and end"),
  Command.withDescription(
    describedWith(
      ["cancelled"],
      "Each worker takes no more jobs, lets the running ones finish and goes offline."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name}`, description: "Shows which, and asks" },
    { command: `edge-worker ${name} -y`, description: "In a script" }
  ])
)
