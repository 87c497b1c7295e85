/** logs: `edge-worker logs`: a job's log, as far as it has arrived at an embedded central, or live. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { CentralClient } from "../management/CentralClient.ts"
import { type JobKey, keyOf } from "../protocol/Job.ts"
import { described, keyArguments, keyGiven, tell, tellNext, wellEnded } from "./jobCommand.ts"
import { onSite, siteFlags } from "./management/siteFlags.ts"
import { print } from "./print.ts"
import { shownLine } from "./taskLogText.ts"

const flags = {
  ...keyArguments,
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription(
      "Go on until the job has ended, with its next tries unless --try names one: exit code 0 for success, 1 for anything else"
    ),
    Flag.withDefault(false)
  ),
  raw: Flag.Boolean("raw").pipe(
    Flag.withDescription("As it is: tasks log in lines of JSON; default a time and a text each"),
    Flag.withDefault(false)
  ),
  ...siteFlags
}

/** Whole lines for a person, as they come; the last one also without its end. */
const forPerson = () => {
  let rest = ""
  return {
    take: (text: string) => {
      const lines = `${rest}${text}`.split("\n")
      rest = lines.pop() ?? ""
      return lines.map((line) => `${shownLine(line)}\n`).join("")
    },
    end: () => (rest === "" ? "" : `${shownLine(rest)}\n`)
  }
}

/** For a file or a program, as it is. */
const asItIs = () => ({ take: (text: string) => text, end: () => "" })

/** A central that is started anew is waited for. */
const patience = Schedule.spaced("2 seconds").pipe(Schedule.upTo({ times: 30 }))

/** The last try that there is. */
const lastTry = Effect.fnUntraced(function* (key: JobKey) {
  const client = yield* CentralClient
  let job = yield* client.job(key)
  while (job.next_try !== null) job = yield* client.job({ ...job, try_number: job.next_try })
  return keyOf(job)
})

export const logs = Command.make("logs", flags, (given) =>
  Effect.gen(function* () {
    const client = yield* CentralClient
    const lines = given.raw ? asItIs() : forPerson()
    let key = Option.isSome(given.attempt) ? keyGiven(given) : yield* lastTry(keyGiven(given))
    let from = 0
    let waited = false
    const look = Effect.suspend(() => client.log(key, from))
    const again = look.pipe(
      Effect.tapError((error) => {
        if (waited || error.why !== "unreachable") return Effect.void
        waited = true
        return tell(`waiting: ${error.message}`)
      }),
      Effect.retry({ while: (error) => error.why === "unreachable", schedule: patience })
    )
    /** Prints the log of the present try. */
    const show = Effect.gen(function* () {
      let part = yield* look
      while (true) {
        yield* print(lines.take(part.text))
        from = part.next
        if (part.ended || (!given.follow && part.text === "")) break
        if (part.text === "") yield* Effect.sleep("1 second")
        part = yield* given.follow ? again : look
      }
      yield* print(lines.end())
    })
    yield* show
    if (!given.follow) return
    let job = yield* client.job(key)
    while (job.next_try !== null && Option.isNone(given.attempt)) {
      yield* tellNext(job, job.next_try)
      key = { ...key, try_number: job.next_try }
      from = 0
      yield* show
      job = yield* client.job(key)
    }
    yield* wellEnded(job)
  }).pipe(onSite("logs", given))
).pipe(
  Command.withShortDescription("Show the log of a job of an edge-worker central"),
  Command.withDescription(
    described(
      "Prints what has arrived of the job's log; with -f, what arrives until the job has ended. Of a job that was tried",
      "several times the last try's, or that of --try."
    )
  ),
  Command.withExamples([
    {
      command: "edge-worker logs -f demo hello manual__2026-01-31T10:00:00.000000+00:00",
      description: "Watch it"
    }
  ])
)
