/** comments: `-c` of the maintenance commands, and how much of it the site can keep. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { SiteCredential } from "../../management/SiteCredential.ts"
import { COMMENT_LIMIT } from "../maintenanceComment.ts"
import { usage } from "./managedWorker.ts"

/** `-c`, required as in Airflow. */
export const commentsFlag = Flag.String("comments").pipe(
  Flag.withAlias("c"),
  Flag.withMetavar("TEXT"),
  Flag.withDescription("Why; shown on the site; required")
)

/**
 * Fails where the site could not keep the comment: it puts time and user before it (`worker_api/routes/ui.py`,
 * edge3 5.1.0) and has 1024 characters. With a token we do not know the user, whose name then counts nothing.
 */
export const checkComment = Effect.fnUntraced(function* (
  command: string,
  comment: string,
  before: (stamp: string) => string
) {
  if (comment.trim() === "") return yield* usage(command, "the comment is empty; say why with -c")
  const { user = "" } = yield* SiteCredential
  const length = Array.from(`${before(`[YYYY-MM-DD HH:MM] - ${user}`)}${comment}`).length
  if (length > COMMENT_LIMIT) {
    return yield* usage(
      command,
      `the comment is ${length - COMMENT_LIMIT} characters too long; the site takes ${COMMENT_LIMIT} with date and user`
    )
  }
})
