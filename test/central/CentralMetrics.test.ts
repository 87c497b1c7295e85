/** The metrics under Airflow's names (edge3 5.1.0: `set_metrics`, `routes/jobs.py`, `edge_executor.py`), as Prometheus reads them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { prometheus } from "../../src/central/CentralMetrics.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { claim, jobsLayer, knowWorker, report, submission } from "./jobsHarness.ts"

const test = (name: string, body: Effect.Effect<void, unknown, Jobs | Repository | Sweeper>) =>
  it.effect(name, () =>
    body.pipe(Effect.provide(jobsLayer()), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

/** Each sample by its name and labels. */
const scraped = Effect.gen(function* () {
  const { workers } = yield* Repository
  const text = yield* prometheus(yield* workers({}))
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  const samples = lines.map((line) => {
    const at = line.lastIndexOf(" ")
    return [line.slice(0, at), Number(line.slice(at + 1))] as const
  })
  assert.strictEqual(new Set(samples.map(([name]) => name)).size, samples.length)
  const types = text.split("\n").filter((line) => line.startsWith("# TYPE"))
  assert.strictEqual(new Set(types).size, types.length)
  return Object.fromEntries(samples)
})

describe("CentralMetrics", () => {
  test(
    "counts jobs that are given out and that end, and measures the sweeper",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (const task_id of ["a", "b"]) yield* jobs.submit(submission({ task_id, queue: "gpu" }), "ada")
      const job = yield* claim("w1")
      yield* claim("w1")
      yield* report(job, "running")
      yield* report(job, "success")
      yield* report(job, "success")
      yield* Sweeper.use(({ sweep }) => sweep)
      const samples = yield* scraped
      assert.strictEqual(samples['edge_worker_ti_start{dag_id="dag",task_id="a",queue="gpu"}'], 1)
      assert.strictEqual(samples['edge_worker_ti_start{dag_id="dag",task_id="b",queue="gpu"}'], 1)
      assert.strictEqual(
        samples['edge_worker_ti_finish{dag_id="dag",task_id="a",queue="gpu",state="success"}'],
        1
      )
      assert.strictEqual(samples["edge_executor_sync_duration_count"], 1)
    })
  )

  test(
    "tells of each worker that is known what it said, in names and texts that break nothing",
    Effect.gen(function* () {
      const sysinfo = {
        status: 20,
        concurrency: 8,
        free_concurrency: 5,
        airflow_version: "3.3.2",
        "cpu.load-1": 0.5,
        cpu_load_1: 7,
        'evil"}\n1': 1,
        status_: 3,
        "ti.start": 9,
        text: "no number"
      }
      yield* knowWorker({ name: 'w"1\n', state: "running", jobsActive: 3, queues: ["a", "b"], sysinfo })
      yield* knowWorker({
        name: "gone",
        state: "unknown",
        jobsActive: 3,
        team: "red",
        sysinfo: { concurrency: 4 }
      })
      yield* knowWorker({ name: "paused", state: "maintenance mode" })
      const samples = yield* scraped
      const of = (name: string) => `{worker_name="${name}"}`
      const first = of('w\\"1\\n')
      assert.deepStrictEqual(
        Object.fromEntries(Object.entries(samples).filter(([name]) => name.includes('w\\"1'))),
        {
          [`edge_worker_status${first}`]: 20,
          [`edge_worker_connected${first}`]: 1,
          [`edge_worker_maintenance${first}`]: 0,
          [`edge_worker_jobs_active${first}`]: 3,
          [`edge_worker_concurrency${first}`]: 8,
          [`edge_worker_free_concurrency${first}`]: 5,
          [`edge_worker_num_queues{worker_name="w\\"1\\n",queues="a,b"}`]: 2,
          [`edge_worker_cpu_load_1${first}`]: 0.5,
          [`edge_worker_evil_1${first}`]: 1
        }
      )
      const gone = '{worker_name="gone",team_name="red"}'
      for (const name of ["connected", "jobs_active", "concurrency"]) {
        assert.strictEqual(samples[`edge_worker_${name}${gone}`], 0)
      }
      assert.strictEqual(samples[`edge_worker_maintenance${of("paused")}`], 1)
      const { changeWorker } = yield* Repository
      yield* changeWorker("paused", () => ({ _tag: "Success", success: [undefined, undefined] }) as never)
      assert.notProperty(yield* scraped, `edge_worker_maintenance${of("paused")}`)
    })
  )
})
