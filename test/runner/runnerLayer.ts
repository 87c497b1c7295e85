/** runnerLayer: an airflow runner in a scratch state folder, with a made-up local Airflow, for tests. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import { HostFolder } from "../../src/platform/HostFolder.ts"
import { JobFolder } from "../../src/platform/JobFolder.ts"
import { LineSocket } from "../../src/platform/LineSocket.ts"
import { LocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { OomKills } from "../../src/platform/OomKills.ts"
import { Processes } from "../../src/platform/Processes.ts"
import { Programs } from "../../src/platform/Programs.ts"
import { StateFolder } from "../../src/platform/StateFolder.ts"
import { TaskProcesses } from "../../src/platform/TaskProcesses.ts"
import { AirflowRunner } from "../../src/runner/AirflowRunner.ts"
import { Attempts } from "../../src/runner/attempt/Attempts.ts"
import { noTasks } from "../../src/runner/attempt/noTasks.ts"
import type { Tasks } from "../../src/runner/attempt/TaskChannel.ts"
import type { Runner } from "../../src/runner/Runner.ts"
import { testSettings } from "../../src/testing/settings.ts"

/** How the runner of a test differs. */
export interface RunnerLayerOptions {
  readonly folder: string
  readonly python: string
  /** What Python runs: `airflow`, or `MODULE:CLASS`. */
  readonly runs: string
  /** Added to the environment of the worker. */
  readonly env?: Readonly<Record<string, string>>
  readonly settings?: Partial<EdgeSettings>
  /** Changes what the runner is given as processes. */
  readonly processes?: (real: Processes["Service"]) => Partial<Processes["Service"]>
  /** Where `/proc` and `/sys` lie for the counts of out-of-memory kills. */
  readonly oomRoot?: string
  /** Stands for the state of the installed packages. */
  readonly fingerprint?: string
  /** Instead of the airflow runner. */
  readonly runner?: Layer.Layer<Runner, never, EdgeConfig | WorkerIdentity | Machine | Tasks | Attempts>
  /** The tasks in TypeScript; none by default. */
  readonly tasks?: Layer.Layer<Tasks, never, EdgeConfig | WorkerIdentity | Machine>
  /** What supervises them; nothing by default. */
  readonly attempts?: Layer.Layer<Attempts>
  /** Instead of a made-up one; fails where there shall be none. */
  readonly airflow?: Layer.Layer<LocalAirflow>
}

/** What runners stand on. */
type Machine =
  | HostFolder
  | JobFolder
  | LineSocket
  | LocalAirflow
  | OomKills
  | Processes
  | Programs
  | StateFolder
  | TaskProcesses

/** The folder as it is: it keeps what a predecessor has left, as a journal on disk will ask for. */
const stateFolder = (path: string) =>
  Layer.sync(StateFolder, () => {
    const jobs = join(path, "jobs")
    mkdirSync(jobs, { recursive: true })
    return StateFolder.of({
      path,
      jobs,
      predecessor: Option.none(),
      nameBefore: "none",
      provedFor: 0,
      askName: Effect.void,
      holdName: Effect.void,
      freeName: Effect.void,
      removeJobFolder: () => Effect.void,
      sweep: () => Effect.void,
      socketPath: join(path, "control.sock"),
      jobFolder: () => Effect.die("Unexpected call")
    })
  })

/** What runners stand on. */
export const machineLayer = (options: Omit<RunnerLayerOptions, "runner" | "tasks" | "attempts">) => {
  const settings = testSettings({
    stateFolder: options.folder,
    baseLogFolder: join(options.folder, "logs"),
    ...options.settings
  })
  const processes = Layer.effect(
    Processes,
    Effect.map(Processes, (real) => ({
      ...real,
      environment: { ...real.environment, ...options.env },
      ...options.processes?.(real)
    }))
  ).pipe(Layer.provide(Processes.layer))
  const airflow = {
    python: options.python,
    airflow: "3.3.2",
    edge3: "5.1.0",
    pythonVersion: "3.12.1",
    fingerprint: options.fingerprint ?? "as installed"
  }
  return Layer.mergeAll(HostFolder.layer, Layer.provide(Programs.layer, processes)).pipe(
    Layer.provideMerge(stateFolder(options.folder)),
    Layer.provideMerge(
      Layer.mergeAll(
        processes,
        OomKills.layer(options.oomRoot),
        JobFolder.layer,
        LineSocket.layer,
        TaskProcesses.layer,
        options.airflow ?? LocalAirflow.layerMemory(airflow)
      )
    ),
    Layer.provideMerge(Layer.succeed(EdgeConfig, settings)),
    Layer.provideMerge(
      Layer.succeed(WorkerIdentity, { name: "here", queues: null, team: null, concurrency: 8 })
    )
  )
}

/** The runner and what it stands on. Building it again on the same folder is a restart of the worker. */
export const runnerLayer = (options: RunnerLayerOptions) =>
  (options.runner ?? AirflowRunner.layer({ runs: options.runs })).pipe(
    Layer.provide([
      options.tasks ?? noTasks,
      options.attempts ?? Layer.succeed(Attempts, { begin: () => Effect.die("no task was expected") })
    ]),
    Layer.provideMerge(machineLayer(options)),
    Layer.fresh
  )

/** A private folder that goes with the test. */
export const scratchFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-runner-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Builds a layer that lives until `stop`, as a worker that ends before its test does. */
export const startLayer = Effect.fnUntraced(function* <A, E>(layer: Layer.Layer<A, E>) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (own) => Scope.close(own, Exit.void))
  const context = yield* Layer.buildWithScope(layer, scope)
  return { context, stop: Scope.close(scope, Exit.void) }
})
