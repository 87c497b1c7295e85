/** updateMaintenanceComment: `edge-worker remote-edge-worker-update-maintenance-comment`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkComment, commentsFlag } from "./comments.ts"
import { checkedName, described, tell, withAdvice, workerFlag, workerOf } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "remote-edge-worker-update-maintenance-comment"

export const updateMaintenanceComment = Command.make(
  name,
  { worker: workerFlag, comments: commentsFlag, ...siteFlags },
  (given) =>
    Effect.gen(function* () {
      const worker = yield* checkedName(name, given.worker)
      const client = yield* ManagementClient
      // The site keeps the first line of the present comment: who asked for the maintenance, and when.
      const [first = ""] = ((yield* workerOf(worker)).maintenance_comments ?? "").split("\n")
      yield* checkComment(name, given.comments, (stamp) => `${first}\n${stamp} updated comment:\n`)
      yield* client
        .updateMaintenance(worker, given.comments)
        .pipe(
          withAdvice(
            worker,
            `Put it there: edge-worker remote-edge-worker-request-maintenance -H ${worker} -c TEXT`
          )
        )
      yield* tell(`Maintenance comments updated for ${worker}.`)
    }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Change the comment of a worker's maintenance"),
  Command.withDescription(
    described(
      "Replaces the comment under which a worker of the site is in maintenance; who asked for it stays."
    )
  ),
  Command.withExamples([
    { command: `edge-worker ${name} -H gpu-1 -c "the disk comes tomorrow"`, description: "It takes longer" }
  ])
)
