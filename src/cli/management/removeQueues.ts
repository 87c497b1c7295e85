/** removeQueues: `edge-worker remove-worker-queues`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkedName, described, tell, withAdvice, workerFlag, workerOf } from "./managedWorker.ts"
import { checkQueues, queueListFlag } from "./queueList.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "remove-worker-queues"

export const removeQueues = Command.make(
  name,
  { worker: workerFlag, queues: queueListFlag("remove"), ...siteFlags },
  (given) =>
    Effect.gen(function* () {
      const worker = yield* checkedName(name, given.worker)
      yield* checkQueues(name, given.queues)
      const client = yield* ManagementClient
      const { queues } = yield* workerOf(worker)
      for (const queue of given.queues) {
        yield* client
          .removeQueue(worker, queue)
          .pipe(
            withAdvice(
              worker,
              "Queues can be removed while it is online; a worker that starts brings its own."
            )
          )
      }
      yield* tell(`Removed queues ${given.queues.join(", ")} from Edge Worker host ${worker}.`)
      const strange = given.queues.filter((queue) => !queues?.includes(queue))
      if (strange.length > 0) yield* tell(`It did not serve by name: ${strange.join(", ")}.`)
      if (queues?.every((queue) => given.queues.includes(queue))) {
        yield* tell(`It has no queue by name any more, which means that it serves EVERY queue.`)
      }
    }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Let a worker of the site serve fewer queues"),
  Command.withDescription(
    described(
      "Until it ends: a worker that is started serves the queues of its own command line.",
      "A worker without the last of its queues serves every queue, as in Airflow."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name} -H gpu-1 -q big`, description: "No longer serve big" }
  ])
)
