/** liveHeap: loaded into the soak's worker: collects all garbage every five seconds and appends what stays alive. */
import { appendFileSync } from "node:fs"

const file = process.env["SOAK_LIVE_HEAP"]
const collect = () => {
  globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  appendFileSync(String(file), `${Date.now()} ${heapUsed + external}\n`)
}
if (file !== undefined) setInterval(collect, 5_000).unref()
