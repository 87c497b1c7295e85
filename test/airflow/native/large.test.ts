/** A large Dag on one worker of the executable with eight slots: layers all to all, mapped tasks, Python between. */
import { beforeAll, expect, test } from "vitest"
import { jobsSucceed, site, siteLog, slotsHeldAtOnce, trigger } from "../site.ts"
import { ours } from "../worker.ts"
import { depth, fanned, parts, width } from "./largeTasks.ts"
import { startPython, xcom } from "./runs.ts"
import { setUpNative, startNative } from "./setUp.ts"

const python = ["seed", "items", "triple", "check"]

const sum = (count: number, of: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => of(index)).reduce((total, each) => total + each, 0)

/** What the last layer comes to: each of its tasks has the sum of the layer before it and its own place. */
const layersTotal = () => {
  let total = sum(width, (place) => 1 + place)
  for (let level = 1; level < depth; level++) {
    const before = total
    total = sum(width, (place) => before + place)
  }
  return total
}

beforeAll(setUpNative)

test.runIf(ours)("a large Dag: each task runs exactly once, and what they hand on adds up", async () => {
  const native = await startNative({ concurrency: 8 })
  await startPython()
  const run = await trigger("native_large")
  expect(await site.api.dagRunEnded(run, { seconds: 200, everyMillis: 1000 })).toBe("success")

  const instances = await site.api.taskInstances(run)
  const typed = instances.filter(({ task_id }) => !python.includes(task_id))
  expect(typed).toHaveLength(depth * width + fanned + parts + 3)
  expect(instances.filter(({ state, try_number }) => state !== "success" || try_number !== 1)).toEqual([])
  expect(typed.filter(({ hostname }) => hostname !== native.name)).toEqual([])
  expect(slotsHeldAtOnce(typed)).toBeLessThanOrEqual(8)

  const gathered = sum(fanned, (index) => (1 + index) * 10)
  const wanted = gathered * 4 + layersTotal() + sum(parts, (index) => index ** 2)
  expect(await xcom(run, "gather")).toBe(gathered)
  expect(await xcom(run, "whole")).toBe(wanted)
  expect(await xcom(run, "check")).toBe(wanted)

  // Exactly once: by what the site was told, by the jobs, and by what each log says.
  const begun = native.gateway.execution.filter(
    ({ method, path }) => method === "PATCH" && path.endsWith("/run")
  )
  expect(new Set(begun.map(({ path }) => path)).size).toBe(typed.length)
  await jobsSucceed(run, instances.length)
  await native.reaches(["idle"])
  const timesRun = typed.map(({ map_index, task_id }) => {
    const log = siteLog(run, { task: task_id, map: map_index })
    return `${task_id}[${map_index}] ${log.split('"here it runs"').length - 1}`
  })
  expect(timesRun.filter((each) => !each.endsWith(" 1"))).toEqual([])
})
