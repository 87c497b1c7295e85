/** addQueues: `edge-worker add-worker-queues`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkedName, described, tell, withAdvice, workerFlag, workerOf } from "./managedWorker.ts"
import { checkQueues, checkStored, queueListFlag } from "./queueList.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "add-worker-queues"

export const addQueues = Command.make(
  name,
  { worker: workerFlag, queues: queueListFlag("add"), ...siteFlags },
  (given) =>
    Effect.gen(function* () {
      const worker = yield* checkedName(name, given.worker)
      yield* checkQueues(name, given.queues)
      const client = yield* ManagementClient
      const { queues } = yield* workerOf(worker)
      yield* checkStored(name, [...new Set([...(queues ?? []), ...given.queues])])
      for (const queue of given.queues) {
        yield* client
          .addQueue(worker, queue)
          .pipe(
            withAdvice(worker, "Queues can be added while it is online; a worker that starts brings its own.")
          )
      }
      yield* tell(`Added queues ${given.queues.join(", ")} to Edge Worker host ${worker}.`)
      if (queues === null || queues === undefined) {
        yield* tell(`It served every queue before; from now on it serves these alone.`)
      }
    }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Let a worker of the site serve more queues"),
  Command.withDescription(
    described(
      "Until it ends: a worker that is started serves the queues of its own command line.",
      "The names of all its queues, in quotes and with commas, may take 256 characters."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name} -H gpu-1 -q gpu,big`, description: "Serve gpu and big too" }
  ])
)
