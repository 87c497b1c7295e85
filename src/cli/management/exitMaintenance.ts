/** exitMaintenance: `edge-worker remote-edge-worker-exit-maintenance`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkedName, described, tell, withAdvice, workerFlag } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "remote-edge-worker-exit-maintenance"

export const exitMaintenance = Command.make(name, { worker: workerFlag, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    const worker = yield* checkedName(name, given.worker)
    const client = yield* ManagementClient
    yield* client.exitMaintenance(worker).pipe(withAdvice(worker, ""))
    yield* tell(`${worker} has been removed from maintenance.`)
  }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Let a worker of the site go on"),
  Command.withDescription(
    described("Ends the maintenance of a worker. It takes jobs again when its next heartbeat has told it.")
  ),
  Command.withExamples([{ command: `edge-worker ${name} -H gpu-1`, description: "The disk is there" }])
)
