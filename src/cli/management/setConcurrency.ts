/** setConcurrency: `edge-worker set-worker-concurrency`. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ManagementClient } from "../../management/ManagementClient.ts"
import { checkedName, described, tell, usage, withAdvice, workerFlag } from "./managedWorker.ts"
import { onSite, siteFlags } from "./siteFlags.ts"

const name = "set-worker-concurrency"

/** What the site's column takes. */
const most = 2 ** 31 - 1

const concurrency = Flag.String("concurrency").pipe(
  Flag.withAlias("c"),
  Flag.withMetavar("N"),
  Flag.withDescription("How many slots the worker shall have; required")
)

const numberOf = (text: string) => {
  const number = /^\+?\d+$/.test(text.trim()) ? Number(text) : 0
  return number >= 1 && number <= most
    ? Effect.succeed(number)
    : Effect.fail(
        usage(
          name,
          `--concurrency is "${text}"; it must be a whole number of at least 1, and at most ${most}`
        )
      )
}

export const setConcurrency = Command.make(name, { worker: workerFlag, concurrency, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    const worker = yield* checkedName(name, given.worker)
    const slots = yield* numberOf(given.concurrency)
    const client = yield* ManagementClient
    yield* client
      .setConcurrency(worker, slots)
      .pipe(withAdvice(worker, "It can be set while it is online; a worker that starts brings its own."))
    yield* tell(`Concurrency set to ${slots} for Edge Worker host ${worker}.`)
  }).pipe(onSite(name, given))
).pipe(
  Command.withShortDescription("Set how many slots a worker of the site has"),
  Command.withDescription(
    described(
      "Until it ends: a worker that is started has the slots of its own command line.",
      "Running jobs go on where there are more of them than slots."
    )
  ),
  Command.withExamples([{ command: `edge-worker ${name} -H gpu-1 -c 2`, description: "At most two at once" }])
)
