/** The real command line over the real worker; only its jobs are shell scripts, and no Airflow is asked for. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { program } from "../../src/cli/program.ts"
import { runMain } from "../../src/cli/runMain.ts"
import { type WorkerParts, workerParts } from "../../src/cli/workerParts.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { NodePlatform } from "../../src/platform/NodePlatform.ts"
import { EdgeWorker } from "../../src/worker/EdgeWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { processRunner } from "./processRunner.ts"

const parts: WorkerParts = {
  ...workerParts,
  // The state folder that the command line holds is the platform's too: layers are built once.
  worker: () =>
    Layer.unwrap(
      Effect.map(WorkerIdentity, (identity) =>
        EdgeWorker.layer({ ...identity, runner: processRunner, platform: NodePlatform.layer }).pipe(
          Layer.catchTag("WorkerRunsHere", (error) => Layer.effect(Worker, Effect.die(error)))
        )
      )
    )
}

runMain(program(parts, process.argv.slice(2)))
