/**
 * A program that is an edge worker: it takes jobs of the queue `words` from the Airflow site that airflow.cfg or
 * AIRFLOW__EDGE__API_URL names, and runs them as Effects. Ctrl-C lets running jobs finish.
 */

import { EdgeWorker, Worker } from "edge-worker"
import { NodePlatform } from "edge-worker/node"
import { Effect, Layer } from "effect"
import { wordCountRunner } from "./wordCountRunner.ts"

const worker = EdgeWorker.layer({
  name: "word-counter",
  queues: ["words"],
  concurrency: 4,
  runner: wordCountRunner(),
  platform: NodePlatform.layer
}).pipe(Layer.provide(NodePlatform.config()))

const program = Effect.gen(function* () {
  const running = yield* Worker
  const onInterrupt = () => Effect.runFork(running.drain("SIGINT"))
  process.on("SIGINT", onInterrupt)
  const end = yield* running.ended
  process.off("SIGINT", onInterrupt)
  console.log(`ended: ${end.reason}; reports left: ${end.reportsLeft}`)
}).pipe(Effect.provide(worker))

// a mistake in the configuration is for a person to read: its message, without a stack
await Effect.runPromise(program).catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
