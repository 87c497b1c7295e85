/** requestMaintenance: `edge-worker remote-edge-worker-request-maintenance`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkComment, commentsFlag } from "./comments.ts"
import { checkedName, described, tell, withAdvice, workerFlag } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "remote-edge-worker-request-maintenance"

export const requestMaintenance = Command.make(
  name,
  { worker: workerFlag, comments: commentsFlag, ...siteFlags },
  (given) =>
    Effect.gen(function* () {
      const worker = yield* checkedName(name, given.worker)
      const client = yield* ManagementClient
      yield* checkComment(
        name,
        given.comments,
        (stamp) => `${stamp} put node into maintenance mode\nComment: `
      )
      yield* client.requestMaintenance(worker, given.comments).pipe(withAdvice(worker, ""))
      yield* tell(`${worker} has been put on maintenance.`)
    }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Pause a worker of the site"),
  Command.withDescription(
    described(
      "The worker takes no new jobs, finishes those it has and stays online. It learns of it with its next heartbeat.",
      "The site keeps the comment with the time and your name before it, 1024 characters in all."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name} -H gpu-1 -c "new disk"`, description: "Let gpu-1 take no more jobs" }
  ])
)
