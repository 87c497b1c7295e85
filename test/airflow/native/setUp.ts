/** setUp: the executable and its machine, the variable and the connection that the tasks read, and a worker of it. */
import { statSync } from "node:fs"
import { join } from "node:path"
import { inject } from "vitest"
import { site } from "../site.ts"
import { startWorker, type WorkerOptions } from "../worker.ts"
import { buildExecutable, executableIn } from "./executable.ts"
import { inMachine, makeMachine } from "./machine.ts"

const folder = join(inject("siteFolder"), "native")
const root = join(folder, "root")

/** A worker of the executable for the queue `ts`, with nothing around it. */
export const startNative = (options: WorkerOptions = {}) =>
  startWorker({ queues: ["ts"], command: (home) => inMachine(root, home), ...options })

const store = (path: string, body: unknown) =>
  site.api.request("POST", path, body).catch((error: Error) => {
    if (!error.message.includes(": 409")) throw error
  })

/** Whether an earlier file of this suite has built it. */
const isBuilt = () =>
  (statSync(executableIn(folder), { throwIfNoEntry: false })?.mtimeMs ?? 0) > inject("suiteBegan")

/** Builds and stores what is not there yet. */
export const setUpNative = async () => {
  if (!isBuilt()) buildExecutable(folder)
  makeMachine(root, executableIn(folder))
  await store("/api/v2/variables", { key: "native_greeting", value: "good day" })
  await store("/api/v2/connections", {
    connection_id: "native_connection",
    conn_type: "http",
    host: "oven.example",
    password: "p4ssw0rd-of-the-oven"
  })
}
