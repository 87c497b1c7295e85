/** cancel: `edge-worker cancel`: takes a job of an embedded central back. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { CentralClient } from "../management/CentralClient.ts"
import { described, jsonFlag, keyArguments, keyGiven, printJob } from "./jobCommand.ts"
import { onSite, siteFlags } from "./management/siteFlags.ts"

export const cancel = Command.make("cancel", { ...keyArguments, json: jsonFlag, ...siteFlags }, (given) =>
  Effect.gen(function* () {
    const client = yield* CentralClient
    yield* printJob(yield* client.cancel(keyGiven(given)), given.json)
  }).pipe(onSite("cancel", given))
).pipe(
  Command.withShortDescription("Cancel a job of an edge-worker central"),
  Command.withDescription(
    described(
      "A job that waits is removed from its queue. One that runs is removed too, and its worker is told to stop it. Of",
      "several tries it is the last one.",
      "Needs the permission to operate, unless the job is your own."
    )
  ),
  Command.withExamples([
    {
      command: "edge-worker cancel demo hello manual__2026-01-31T10:00:00.000000+00:00",
      description: "Stop it"
    }
  ])
)
