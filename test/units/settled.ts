/** settled: jobs that ended with their worker must have failed at the site within two seconds of the next start. */
import { availableParallelism, loadavg } from "node:os"
import { assert } from "vitest"
import type { Job } from "./site.ts"

/** Two seconds; where the processors are asked for more than they can do, so much longer. */
const limit = () => 2000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())

/** `now` and what `started` gives are milliseconds of one clock. */
export const settled = async (
  what: string,
  jobs: ReadonlyArray<Job>,
  now: () => number,
  started: () => Promise<number>
): Promise<void> => {
  await Promise.all(jobs.map((job) => job.reaches("failed")))
  const took = now() - (await started())
  process.stdout.write(`${what}: settled ${Math.round(took)} ms after the start\n`)
  assert.isBelow(took, limit(), what)
}
