/** invariants: what must hold at the end of each history. */
import type { JobState } from "../../src/protocol/EdgeApi.ts"
import type { SiteJob } from "./SimSite.ts"
import type { World } from "./World.ts"

const isEnd = (state: string) => state === "success" || state === "failed"

/** True where nothing is left to happen. */
export const isSettled = ({ faults, machine, site, time }: World): boolean =>
  time.now >= faults.until &&
  machine.alive.length === 0 &&
  [...site.jobs.values()].every(({ excused, state }) => excused !== undefined || isEnd(state)) &&
  [...machine.disk.values()].every(({ kind }) => kind === "offset")

/** The real end of the newest claim; undefined where it never ran. */
const realEnd = (world: World, job: SiteJob): JobState | undefined => {
  const process = world.machine.ofClaim(job)[0]
  if (process?.outcome !== undefined) return process.outcome._tag === "Succeeded" ? "success" : "failed"
  return world.machine.refusedStarts.has(`${job.job.task_id}:${job.claims}`) ? "failed" : undefined
}

/** Adds what does not hold to the world's violations; `unsettled` where it did not come to rest in time. */
export const check = (world: World) => {
  const { machine, site } = world
  for (const { task, pid } of machine.alive) world.violate(`process ${pid} of ${task} is left running`)
  for (const { id, kind } of machine.disk.values()) {
    if (kind !== "offset") world.violate(`the journal still has the ${kind} ${id}`)
  }
  for (const job of site.jobs.values()) {
    const name = job.job.task_id
    checkLog(world, job)
    checkOrder(world, job)
    if (job.excused !== undefined) continue
    const real = realEnd(world, job)
    if (!isEnd(job.state)) world.violate(`${name} ends as ${job.state}`)
    else if (real === undefined) world.violate(`${name} is ${job.state} and never ran`)
    else if (job.state !== real) world.violate(`${name} is ${job.state} at the site and was ${real}`)
  }
}

/** A told end stays; only a disk that refused and a kill together may make a successor tell `running` or hand back once more. After a claim: `running`, then one end; or a hand-back of what never ran. */
const checkOrder = (world: World, { events, job, unwritten }: SiteJob) => {
  let seen = new Set<string>()
  for (const event of events) {
    if (event === "claim") seen = new Set()
    const ends = [...seen].filter(isEnd)
    const wrong =
      (event === "running" && ((ends.length > 0 && !unwritten) || seen.has("queued"))) ||
      (event === "queued" && ((ends.length > 0 && !unwritten) || seen.has("running"))) ||
      (isEnd(event) && (seen.has("queued") || ends.some((end) => end !== event)))
    if (wrong) return world.violate(`${job.task_id} was told ${events.join(", ")}`)
    seen.add(event)
  }
}

/** Each byte of the file is at the site, in order; nothing that was kept on disk as told is told again. */
const checkLog = (world: World, { appends, excused, job }: SiteJob) => {
  const file = `/logs/dag_id=dag/task_id=${job.task_id}/attempt=1.log`
  const whole = world.read(file)
  let covered = 0
  for (const { text } of appends) {
    // Sent again from where the last kept offset was, or the next part.
    let from = covered
    while (from >= 0 && !whole.startsWith(text, from)) from--
    if (from < 0) return world.violate(`${JSON.stringify(text.slice(0, 80))} does not follow in ${file}`)
    covered = Math.max(covered, from + text.length)
  }
  // Of a claim that never ran and was lost, the worker's own notice may stay behind: it holds no task's line.
  const behind = whole.slice(covered)
  if (behind !== "" && (excused === undefined || behind.includes("<")))
    world.violate(`${behind.length} bytes of ${file} are missing at the site`)
  for (const { task, tokens } of world.machine.processes) {
    if (task !== job.task_id) continue
    for (const token of tokens) {
      if (!whole.includes(token)) world.violate(`${token} is not in ${file}`)
      const sure = appends.filter(({ kept, text }) => kept && text.includes(token)).length
      if (sure > 1) world.violate(`${token} was pushed again after it was kept`)
    }
  }
}
