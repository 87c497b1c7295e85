/** removeWorker: `edge-worker remove-remote-edge-worker`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkedName, described, tell, withAdvice, workerFlag } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "remove-remote-edge-worker"

export const removeWorker = Command.make(name, { worker: workerFlag, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    const worker = yield* checkedName(name, given.worker)
    const client = yield* ManagementClient
    yield* client
      .removeWorker(worker)
      .pipe(withAdvice(worker, `End it first: edge-worker shutdown-remote-edge-worker -H ${worker}`))
    yield* tell(`Edge Worker host ${worker} removed.`)
  }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Make the site forget a worker that is gone"),
  Command.withDescription(
    described("Only a worker that is offline, offline in maintenance or unknown can be removed.")
  ),
  Command.withExamples([{ command: `edge-worker ${name} -H gpu-1`, description: "gpu-1 will not come back" }])
)
