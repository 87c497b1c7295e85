/** JobLeftovers: removes the job folders of a dead predecessor whose processes are gone too. */
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { JobFolder, noteSuffix } from "./JobFolder.ts"
import { members } from "./ProcessTable.ts"

const list = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** What still runs of a job: its first process, as its folder names it, and what carries its mark. */
const processes = Effect.fnUntraced(function* (folder: string, id: string) {
  const jobFolder = yield* JobFolder
  const first = Option.filter(yield* jobFolder.process(folder), ({ alive }) => alive)
  const root = Option.getOrUndefined(Option.map(first, ({ identity }) => identity))
  return members({ root, mark: `EDGE_WORKER_JOB=${id}`, known: new Map() }).map(({ pid }) => pid)
})

/** Removes what is left of jobs that are over. A folder whose processes live on stays, and is named in the log. */
export const sweep = Effect.fnUntraced(function* (jobs: string, keep: ReadonlySet<string>) {
  for (const name of list(jobs)) {
    const id = name.endsWith(noteSuffix) ? name.slice(0, -noteSuffix.length) : name
    if (keep.has(id)) continue
    const folder = join(jobs, name)
    const pids = yield* processes(folder, id)
    if (pids.length > 0) {
      yield* Effect.logWarning(
        "a job of the worker that ran here before still has processes; its folder stays",
        {
          folder,
          pids: pids.join(",")
        }
      )
      continue
    }
    yield* Effect.try({ try: () => rmSync(folder, { recursive: true, force: true }), catch: String }).pipe(
      Effect.catch((error) => Effect.logWarning("a left job folder could not be removed", { folder, error }))
    )
  }
}, Effect.provide(JobFolder.layer))
