/**
 * The same runner against a central in memory: no site, no network, no files. This is how a program that embeds a
 * worker is tested; here it prints what the site heard.
 */

import { Worker } from "edge-worker"
import { MemoryFileTail, TestCentral, TestWorker, testJob } from "edge-worker/testing"
import { Effect, Layer, References } from "effect"
import { type Log, wordCountRunner } from "./wordCountRunner.ts"

/** The runner writes into the files in memory. */
const runner = Layer.unwrap(
  Effect.map(MemoryFileTail, (files) => {
    const log: Log = { write: (file, text) => files.append(file, text) }
    return wordCountRunner(log)
  })
)

const program = Effect.gen(function* () {
  const central = yield* TestCentral
  const worker = yield* Worker
  yield* worker.registered
  yield* central.addJob(testJob("hamlet"))
  const after = yield* central.until(({ jobs }) =>
    [...jobs.values()].some((job) => job.state === "success" && job.log !== "")
  )
  for (const { job, reported, log } of after.jobs.values()) {
    console.log(`${job.dag_id}.${job.task_id}: ${reported.join(", ")}`)
    console.log(`log: ${JSON.parse(log).event}`)
  }
  yield* worker.drain("done")
  const end = yield* worker.ended
  console.log(`ended: ${end.reason}; the site says ${(yield* central.get).worker?.state}`)
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(TestWorker.layer({ runner })),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )
)
