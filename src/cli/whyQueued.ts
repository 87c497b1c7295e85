/** whyQueued: why no worker takes a job, where waiting alone changes nothing. */
import type { Worker } from "../protocol/ManagementApi.ts"
import type { WorkerState } from "../protocol/WorkerState.ts"

const gone: ReadonlySet<WorkerState> = new Set([
  "offline",
  "offline maintenance",
  "unknown",
  "shutdown request",
  "terminating"
])
const taking: ReadonlySet<WorkerState> = new Set(["starting", "running", "idle", "maintenance exit"])

/** Undefined where a worker that the site knows takes it as soon as it has slots free. */
export const whyQueued = (
  { queue, slots }: { readonly queue: string; readonly slots: number },
  workers: ReadonlyArray<Worker>
): string | undefined => {
  const serving = workers.filter(({ queues, state }) => !gone.has(state) && (queues?.includes(queue) ?? true))
  if (serving.length === 0)
    return `no worker that is online serves the queue ${queue}: the job waits for one, as in edge-worker worker -q ${queue}`
  const ready = serving.filter(({ state }) => taking.has(state))
  if (ready.length === 0)
    return `each worker of the queue ${queue} is in maintenance: the job waits until one takes jobs again`
  // One that does not say how many it has may have them.
  const most = Math.max(
    ...ready.map(({ sysinfo }) => Number(sysinfo["concurrency"] ?? Number.POSITIVE_INFINITY))
  )
  return slots <= most
    ? undefined
    : `the job needs ${slots} slots, and no worker of the queue ${queue} has more than ${most}: it waits for one that has`
}
