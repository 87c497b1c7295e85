/** maintenance: `edge-worker maintenance on|off`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failed, UsageError } from "./CommandFailed.ts"
import type { LocalStatus, LocalWorker } from "./LocalWorker.ts"
import { chosenWorker, localFlags } from "./localFlags.ts"
import { COMMENT_LIMIT, currentUser, maintenanceComment } from "./maintenanceComment.ts"
import * as Progress from "./Progress.ts"
import { jobsText, printStatus } from "./printStatus.ts"

const flags = {
  maintenance: Argument.Literals("on|off", ["on", "off"]).pipe(
    Argument.withDescription("Whether the worker shall be in maintenance")
  ),
  comments: Flag.String("comments").pipe(
    Flag.withAlias("c"),
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Why; required with on, shown on the site"),
    Flag.optional
  ),
  wait: Flag.Boolean("wait").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Return only when the worker is there (with on: when its jobs have finished)"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  ...localFlags
}

const commentOf = Effect.fnUntraced(function* (text: Option.Option<string>) {
  if (Option.isNone(text) || text.value.trim() === "") {
    return yield* failed("commentsMissing", 'say why: edge-worker maintenance on -c "TEXT"')
  }
  const comment = maintenanceComment(new Date(), currentUser(process.env), text.value)
  const length = Array.from(comment).length
  if (length > COMMENT_LIMIT) {
    return yield* new UsageError({
      command: "edge-worker maintenance",
      problems: [
        `the comment is ${length - COMMENT_LIMIT} characters too long; the site takes ${COMMENT_LIMIT} with date and user`
      ]
    })
  }
  return comment
})

/** edge3's words (`models/edge_worker.py`): the site may not have confirmed the worker's own yet. */
const arrived = (on: boolean, status: LocalStatus): boolean =>
  on ? status.state === "maintenance mode" || status.drain || !status.maintenance : !status.maintenance

const wait = Effect.fnUntraced(function* (worker: LocalWorker, on: boolean, first: LocalStatus) {
  const progress = Progress.make()
  let status = first
  return yield* Effect.gen(function* () {
    while (!arrived(on, status)) {
      progress.show(
        on
          ? `Waiting for ${status.job_count > 0 ? `${jobsText(status.job_count)} to finish` : "maintenance to begin"} …`
          : "Waiting for maintenance to end …"
      )
      yield* Effect.sleep(worker.pollMillis)
      status = yield* worker.ask({ op: "status" })
    }
    if (on && !status.maintenance) progress.show("Maintenance was ended by someone else.")
    return status
  }).pipe(Effect.ensuring(Effect.sync(() => progress.end())))
})

export const maintenance = Command.make("maintenance", flags, (given) =>
  Effect.gen(function* () {
    const on = given.maintenance === "on"
    const comments = on ? yield* commentOf(given.comments) : null
    const worker = yield* chosenWorker(given)
    const status = yield* worker.ask({ op: "maintenance", on, comments })
    yield* printStatus(given.wait ? yield* wait(worker, on, status) : status)
  })
).pipe(
  Command.withShortDescription("Pause the worker on this machine, or let it go on"),
  Command.withDescription(
    [
      "In maintenance a worker takes no new jobs, finishes those it has, and stays known to the site.",
      "Prints the worker's status as JSON.",
      "",
      "Exit codes: 0 done; 1 no worker was found; 2 it ended while it was asked; 3 it gave no status;",
      "4 comments are missing."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: 'edge-worker maintenance on -c "new disk"', description: "Take no more jobs" },
    {
      command: 'edge-worker maintenance on -w -c "new disk"',
      description: "Return when the last job has finished"
    },
    { command: "edge-worker maintenance off", description: "Go on" }
  ])
)
