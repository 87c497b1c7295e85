/** runMain: runs the program and ends the process with its exit code; no signal is ever swallowed. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { exitCode } from "./ExitCode.ts"

const numbers = { SIGINT: 2, SIGTERM: 15 } as const

/**
 * The first SIGINT or SIGTERM interrupts the program, the next one ends the process. A worker takes all signals for
 * itself (platform/Signals): while others listen, nothing is done here.
 */
export const runMain = (program: Effect.Effect<number>): void => {
  let interruptedBy: keyof typeof numbers | undefined
  const fiber = Effect.runFork(program)
  const onSignal = (signal: keyof typeof numbers) => () => {
    if (process.listenerCount(signal) > 1) return
    if (interruptedBy !== undefined) process.exit(128 + numbers[signal])
    interruptedBy = signal
    fiber.interruptUnsafe()
  }
  process.on("SIGINT", onSignal("SIGINT")).on("SIGTERM", onSignal("SIGTERM"))
  // a terminal or a reader that goes away is no reason to end a worker
  process.stdout.on("error", () => {})
  process.stderr.on("error", () => {})
  const keepAlive = setInterval(() => {}, 2 ** 31 - 1)
  fiber.addObserver((exit) => {
    clearInterval(keepAlive)
    if (Exit.isSuccess(exit)) process.exit(exit.value)
    if (interruptedBy !== undefined) process.exit(128 + numbers[interruptedBy])
    process.stderr.write(`edge-worker: unexpected: ${Cause.pretty(exit.cause)}\n`)
    process.exit(exitCode("unexpected"))
  })
}
