/** shutdownWorker: `edge-worker shutdown-remote-edge-worker`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { isGone } from "./gone.ts"
import { checkedName, described, tell, withAdvice, workerFlag, workerOf } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "shutdown-remote-edge-worker"

export const shutdownWorker = Command.make(name, { worker: workerFlag, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    const worker = yield* checkedName(name, given.worker)
    const client = yield* ManagementClient
    // The site takes the request for one that is gone too, and does nothing.
    const { state } = yield* workerOf(worker)
    yield* client.shutdown(worker).pipe(withAdvice(worker, ""))
    yield* tell(
      isGone(state)
        ? `Edge Worker host ${worker} is ${state}: there is nothing to shut down.`
        : `Requested shutdown of Edge Worker host ${worker}.`
    )
  }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Let a worker of the site finish its jobs and end"),
  Command.withDescription(
    described(
      "The worker takes no more jobs, lets the running ones finish and goes offline. It cannot be undone."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name} -H gpu-1`, description: "gpu-1 is no longer needed" }
  ])
)
