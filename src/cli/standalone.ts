/** standalone: `edge-worker standalone`: a whole site on one machine, without Airflow and without Python. */
import { resolve } from "node:path"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failed, UsageError } from "./CommandFailed.ts"
import { exitCodeText } from "./exitCodeText.ts"
import { queueProblems, queuesOf, taskProgramOf, taskProgramProblems } from "./workerOptions.ts"
import type { WorkerParts } from "./workerParts.ts"

const flags = {
  folder: Flag.String("folder").pipe(
    Flag.withMetavar("FOLDER"),
    Flag.withDescription("Where everything is kept; default ./.edge-worker"),
    Flag.withDefault(".edge-worker")
  ),
  port: Flag.Int("port").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Port on 127.0.0.1, 0 for any that is free; default [edge_central] port, 8080"),
    Flag.optional
  ),
  example: Flag.Boolean("example").pipe(
    Flag.withDescription("Run the example job at the start; --no-example leaves it out"),
    Flag.withDefault(true)
  ),
  taskProgram: Flag.String("task-program").pipe(
    Flag.withMetavar("COMMAND"),
    Flag.withDescription('Program with tasks in TypeScript, as in "node tasks.mjs"'),
    Flag.optional
  ),
  queues: Flag.String("queues").pipe(
    Flag.withAlias("q"),
    Flag.withMetavar("A,B"),
    Flag.withDescription("Queues that its worker serves, where others have theirs; default: every queue"),
    Flag.optional
  ),
  verbose: Flag.Boolean("verbose").pipe(
    Flag.withAlias("v"),
    Flag.withDescription("Show the whole log here too"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  )
}

/** The command; what it runs is loaded when it is asked for. */
export const standalone = (parts: Pick<WorkerParts, "own">) =>
  Command.make("standalone", flags, ({ example, folder, port, queues, taskProgram, verbose }) =>
    Effect.gen(function* () {
      const served = queuesOf(queues)
      const problems = [
        ...(folder.trim() === "" ? ["--folder is empty"] : []),
        ...(Option.exists(port, (n) => n < 0 || n > 65_535) ? ["--port must be from 0 to 65535"] : []),
        ...queueProblems(served),
        ...(example && Option.isSome(queues) && !served.includes("default")
          ? ["--queues leaves out default, where the example job waits: add it, or give --no-example"]
          : []),
        ...taskProgramProblems(taskProgram)
      ]
      if (problems.length > 0) return yield* new UsageError({ command: "edge-worker standalone", problems })
      const { runStandalone } = yield* Effect.promise(() => import("./embedded.ts"))
      const exit = yield* runStandalone({
        folder: resolve(folder),
        port: Option.getOrUndefined(port),
        example,
        verbose,
        queues: Option.isNone(queues) ? null : [...new Set(served)],
        taskProgram: taskProgramOf(taskProgram),
        own: parts.own
      })
      if (exit !== "ok") return yield* failed(exit, "")
    })
  ).pipe(
    Command.withShortDescription(
      "Run a whole site on this machine: central, worker and web page, no Airflow"
    ),
    Command.withDescription(
      [
        "Starts an embedded central with its web page and a worker, in one process, and runs an example job. No Airflow",
        "and no Python is needed: tasks are commands that FOLDER/airflow.cfg names. A second start goes on where the",
        "first one ended. For trying, developing and testing; a site for several machines is Airflow's.",
        "",
        "Signals: Ctrl-C (SIGINT) or SIGTERM lets running jobs finish for a few seconds and ends everything.",
        "",
        "Exit codes:",
        ...exitCodeText(["ok", "unexpected", "terminated", "killed", "usage", "held", "left", "config"], {
          unexpected: "something unexpected",
          held: "another process holds the folder or the port"
        })
      ].join("\n  ")
    ),
    Command.withExamples([
      { command: "edge-worker standalone", description: "In ./.edge-worker, on port 8080" },
      {
        command: "edge-worker standalone --folder /srv/edge --port 0",
        description: "Elsewhere, on any free port"
      },
      {
        command: "edge-worker standalone --queues default",
        description: "Leave the other queues to other workers of this site"
      }
    ])
  )
