/** Our worker without Python on a real Airflow: the contract that it keeps on our own central too. */
import * as Effect from "effect/Effect"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { clientOf } from "../management/site.ts"
import { suite } from "../suites/site.ts"
import { asWorker, liveSite } from "./protocol/liveSite.ts"
import { site, siteLog } from "./site.ts"

const given = Effect.acquireRelease(
  Effect.promise(() => site.api.trigger("hello")),
  (run) => Effect.promise(() => site.api.giveUp(run))
)

suite("our worker, with commands, on a real Airflow", () => {
  const { secret, url } = liveSite()
  return {
    apiUrl: new URL("/edge_worker/v1/rpcapi", url),
    secret,
    management: clientOf(`${url}/`, { _tag: "None" }),
    asWorker,
    dag: "hello",
    queue: "default",
    // Airflow's jobs carry none
    conf: null,
    submit: Effect.gen(function* () {
      const run = yield* given
      yield* Effect.promise(() =>
        eventually(
          "the job is queued or taken",
          () => site.api.jobs({ run: run.id, dag: run.dag }),
          (jobs) => jobs.length === 1
        )
      )
      return { dag_id: run.dag, run_id: run.id, task_id: "hello", try_number: 1, map_index: -1 }
    }),
    log: ({ dag_id, run_id, task_id }) =>
      Effect.sync(() => siteLog({ dag: dag_id, id: run_id }, { task: task_id }))
  }
})
