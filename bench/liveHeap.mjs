/** liveHeap: loaded into the worker of a soak with `--live`: collects garbage and writes down what stays alive. */
import { renameSync, writeFileSync } from "node:fs"

const file = process.env["SOAK_LIVE_HEAP"]
const collect = () => {
  globalThis.gc?.()
  writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed))
  renameSync(`${file}.new`, String(file))
}
if (file !== undefined) setInterval(collect, 2_000).unref()
