/** whyQueued: what a job waits for, where no worker that the site knows would take it. */
import { assert, it } from "@effect/vitest"
import { whyQueued } from "../../src/cli/whyQueued.ts"
import type { Worker } from "../../src/protocol/ManagementApi.ts"

const worker = (
  state: Worker["state"],
  queues: ReadonlyArray<string> | null = null,
  concurrency: number | null = 4
): Worker => ({
  worker_name: "w",
  state,
  queues,
  sysinfo: concurrency === null ? {} : { concurrency },
  maintenance_comments: null,
  team_name: null,
  first_online: null,
  last_heartbeat: null
})

const noWorker =
  "no worker that is online serves the queue gpu: the job waits for one, as in edge-worker worker -q gpu"
const paused = "each worker of the queue gpu is in maintenance: the job waits until one takes jobs again"
const narrow = (most: number) =>
  `the job needs 5 slots, and no worker of the queue gpu has more than ${most}: it waits for one that has`

for (const [name, workers, slots, why] of [
  ["no worker at all", [], 1, noWorker],
  [
    "workers that are gone",
    [worker("offline"), worker("unknown"), worker("offline maintenance")],
    1,
    noWorker
  ],
  ["workers that end", [worker("terminating"), worker("shutdown request")], 1, noWorker],
  ["workers of other queues", [worker("idle", ["default"]), worker("running", [])], 1, noWorker],
  ["workers in maintenance", [worker("maintenance mode"), worker("maintenance request", ["gpu"])], 1, paused],
  [
    "one in maintenance and one of another queue",
    [worker("maintenance pending"), worker("idle", ["a"])],
    1,
    paused
  ],
  ["workers that are too small", [worker("idle", null, 2), worker("running", ["gpu"], 3)], 5, narrow(3)],
  [
    "one that is large enough, but in maintenance",
    [worker("idle"), worker("maintenance mode", null, 9)],
    5,
    narrow(4)
  ],
  ["one that is busy and large enough", [worker("idle"), worker("running", ["a", "gpu"], 5)], 5, undefined],
  ["one that comes out of maintenance", [worker("maintenance exit")], 4, undefined],
  ["one that starts, and has not said how many it has", [worker("starting", null, null)], 5, undefined]
] as const)
  it(name, () => assert.strictEqual(whyQueued({ queue: "gpu", slots }, workers), why))
