/** status: `edge-worker status`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { chosenWorker, localFlags } from "./localFlags.ts"
import { printStatus } from "./printStatus.ts"

export const status = Command.make("status", localFlags, (flags) =>
  Effect.flatMap(chosenWorker(flags), (worker) => Effect.flatMap(worker.ask({ op: "status" }), printStatus))
).pipe(
  Command.withShortDescription("Show what the worker on this machine is doing"),
  Command.withDescription(
    [
      "Asks the worker that runs on this machine and prints its status as JSON.",
      "Without -H or --pid: the only worker that runs here, else the one named like this machine.",
      "",
      "Exit codes: 0 status printed; 1 no worker was found; 2 it ended while it was asked; 3 it gave no status."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "edge-worker status", description: "The worker of this machine" },
    { command: "edge-worker status -H gpu-2", description: "One of several" },
    { command: "edge-worker status | jq -r .state", description: "Only its state" }
  ])
)
