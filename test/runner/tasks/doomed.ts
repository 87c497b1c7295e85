/** doomed: a process with a task that blocks its host; a test kills it. Prints the host's pid when the task runs. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { begin, commandOf, hostsLayer, scratchOf } from "./hosts.ts"

const [folder = "", program = ""] = process.argv.slice(2)

const work = Effect.gen(function* () {
  const scratch = scratchOf(folder, "busy")
  const { pid } = yield* begin("busy", scratch)
  while (!existsSync(join(scratch, "ready"))) yield* Effect.sleep("5 millis")
  process.stdout.write(`${pid}\n`)
  return yield* Effect.never
})

const hosts = hostsLayer(folder, { program: commandOf(program), settings: { taskHostTasks: 1 } })
await Effect.runPromise(Effect.scoped(work).pipe(Effect.provide(hosts)))
