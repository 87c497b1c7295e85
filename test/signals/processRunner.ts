/** processRunner: a runner whose jobs are shell scripts in real processes, which the workload carries as `shell`. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { JobFolder } from "../../src/platform/JobFolder.ts"
import { Processes } from "../../src/platform/Processes.ts"
import type { ProcessIdentity } from "../../src/platform/ProcessIdentity.ts"
import { type Adopted, type Outcome, Runner, type RunningJob } from "../../src/runner/Runner.ts"
import { startErrorOf } from "../../src/runner/Supervision.ts"

/** Hands SIGTERM on to the task, waits for it, and leaves its exit code by rename. */
const supervisor = `
trap 'kill -TERM $child 2>/dev/null' TERM
sh -c "$2" & child=$!
while :; do wait $child; code=$?; kill -0 $child 2>/dev/null || break; done
printf '{"code":%d}' $code > "$1/.exit.new"
mv "$1/.exit.new" "$1/exit"
exit $code`

const make = Effect.gen(function* () {
  const folders = yield* JobFolder
  const processes = yield* Processes
  const scope = yield* Effect.scope
  const mark = (id: string) => `EDGE_WORKER_JOB=${id}`

  const outcomeOf = Effect.fnUntraced(function* (folder: string) {
    const end = Option.getOrUndefined(yield* folders.exit(folder))
    if (end !== undefined && "code" in end && end.code === 0) return { _tag: "Succeeded" } satisfies Outcome
    const reason = end === undefined ? "ended without an exit code" : `ended with ${JSON.stringify(end)}`
    return { _tag: "Failed", reason, stderr: yield* folders.stderr(folder) } satisfies Outcome
  })

  const supervise = Effect.fnUntraced(function* (
    id: string,
    folder: string,
    root: ProcessIdentity,
    ended: Effect.Effect<unknown>
  ) {
    const outcome = yield* Deferred.make<Outcome>()
    /** While a kill is at work the job is not over, although its supervisor is gone. */
    let killing: Effect.Effect<unknown> = Effect.void
    yield* ended.pipe(
      Effect.andThen(Effect.suspend(() => killing)),
      Effect.andThen(outcomeOf(folder)),
      Effect.flatMap((end) => Deferred.succeed(outcome, end)),
      Effect.forkIn(scope)
    )
    const job: RunningJob = {
      handle: { kind: "process", job: id },
      outcome: Deferred.await(outcome),
      stop: (how) =>
        how === "term"
          ? Effect.asVoid(processes.signal(root, "SIGTERM"))
          : Effect.suspend(() => {
              const done = Deferred.makeUnsafe<void>()
              killing = Effect.andThen(killing, Deferred.await(done))
              return processes
                .killTree({ root, mark: mark(id) })
                .pipe(Effect.asVoid, Effect.ensuring(Deferred.succeed(done, undefined)))
            })
    }
    return job
  })

  return Runner.of({
    start: Effect.fnUntraced(function* ({ claim, folder, logFile }) {
      const script = "shell" in claim.job.command ? String(claim.job.command["shell"]) : "exit 64"
      // The mark of a start: without it a worker that died between the two lines below has started nothing.
      yield* Effect.mapError(folders.write(folder, "workload.claimed", ""), startErrorOf)
      const root = yield* processes
        .spawn({
          command: "sh",
          args: ["-c", supervisor, "sh", folder, script],
          env: {
            PATH: processes.environment["PATH"] ?? "/usr/bin:/bin",
            EDGE_WORKER_JOB: claim.id,
            JOB_FOLDER: folder
          },
          stdout: logFile,
          stderr: `${folder}/stderr`
        })
        .pipe(Effect.mapError(startErrorOf))
      yield* Effect.orDie(folders.writeProcess(folder, root))
      return yield* supervise(claim.id, folder, root, root.ended)
    }),
    adopt: Effect.fnUntraced(function* ({ claim, folder }) {
      const found = Option.getOrUndefined(yield* folders.process(folder))
      if (found === undefined) {
        if (yield* folders.neverStarted(folder)) return { _tag: "NeverStarted" } satisfies Adopted
        yield* processes.killTree({ root: undefined, mark: mark(claim.id) })
        return { _tag: "Gone", reason: "nothing is left of its process" } satisfies Adopted
      }
      const ended = found.alive ? processes.awaitGone(found.identity) : Effect.void
      const job = yield* supervise(claim.id, folder, found.identity, ended)
      return { _tag: "Found", job } satisfies Adopted
    })
  })
})

/** The runner over the machine's own processes. */
export const processRunner = Layer.effect(Runner, make).pipe(
  Layer.provide([JobFolder.layer, Processes.layer])
)
