/** exampleJob: a job that a standalone site gives itself, so that there is something to see; its log is shown as it comes. */
import * as Effect from "effect/Effect"
import { Jobs } from "../central/Jobs.ts"
import { keyOf } from "../protocol/Job.ts"
import { shownLine } from "./taskLogText.ts"

/** Submits `example.hello` and gives its end, when the central has all of its log. */
export const runExample = Effect.fnUntraced(function* (say: (line: string) => Effect.Effect<void>) {
  const jobs = yield* Jobs
  const conf = { name: "somebody", submitted_by: "edge-worker standalone" }
  const key = keyOf((yield* jobs.submit({ dag_id: "example", task_id: "hello", conf }, "standalone")).key)
  yield* say(`A first job: ${key.dag_id}.${key.task_id}, run ${key.run_id}`)
  let rest = ""
  for (let from = 0; ; ) {
    const part = yield* jobs.readLog(key, from)
    from = part.next
    const lines = (rest + part.text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) yield* say(`  ${shownLine(line)}`)
    if (part.ended) break
    if (part.text === "") yield* Effect.sleep("200 millis")
  }
  const { reason, state } = yield* jobs.get(key)
  yield* say(`Its end: ${state}${reason === null ? "" : ` (${reason})`}`)
  return state
})
