/** Python tasks at the embedded central: run, heartbeat, state, and how they become the end of their jobs. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { TIRunContext } from "../../src/protocol/execution/RunContext.ts"
import { ask, port, served } from "./served.ts"
import {
  claimed,
  end_date,
  headerOf,
  heartbeat,
  idOf,
  report,
  run,
  running,
  say,
  setState,
  started,
  stateOf,
  tokenFor
} from "./taskSite.ts"

const detailOf = (json: unknown) =>
  Schema.decodeUnknownSync(Schema.Struct({ detail: Schema.Unknown }))(json).detail

layer(served(), { excludeTestServices: true })("a Python task at the embedded central", (it) => {
  it.effect("runs with the token of its workload, and is given the next one", () =>
    Effect.gen(function* () {
      const job = yield* claimed({ conf: { n: 1, deep: [true] } })
      const token = `Bearer ${yield* tokenFor(idOf(job), "workload")}`
      const path = `/execution/task-instances/${idOf(job)}/run`
      const heard = yield* ask(yield* port, "PATCH", path, { token, body: running })
      assert.strictEqual(heard.status, 200, heard.text)
      const context = Schema.decodeUnknownSync(TIRunContext)(heard.json)
      assert.deepInclude(context, { max_tries: 0, should_retry: false, xcom_keys_to_clear: [] })
      assert.deepInclude(context.dag_run, {
        dag_id: "dag",
        run_id: job.run_id,
        run_type: "manual",
        state: "running",
        conf: { n: 1, deep: [true] },
        triggering_user_name: "ada"
      })
      assert.strictEqual(headerOf(heard, "airflow-api-version"), "2026-06-30")
      const next = headerOf(heard, "refreshed-api-token") ?? ""
      const beat = `/execution/task-instances/${idOf(job)}/heartbeat`
      const body = { hostname: "edge-1", pid: 41 }
      const again = yield* ask(yield* port, "PUT", beat, { token: `Bearer ${next}`, body })
      assert.strictEqual(again.status, 204)
      assert.isUndefined(headerOf(again, "refreshed-api-token"))
      const withWorkload = yield* ask(yield* port, "PUT", beat, { token, body })
      assert.strictEqual(withWorkload.status, 403)
      assert.strictEqual(yield* stateOf(job), "running")
    })
  )

  it.effect("runs once: the same process again is answered again, another one is not", () =>
    Effect.gen(function* () {
      const job = yield* started()
      assert.strictEqual((yield* run(job)).status, 200)
      const other = yield* run(job, { ...running, pid: 42 })
      assert.strictEqual(other.status, 409)
      assert.deepInclude(detailOf(other.json), { reason: "invalid_state", previous_state: "running" })
      yield* setState(job, { state: "success", end_date })
      const late = yield* run(job)
      assert.deepInclude(detailOf(late.json), { reason: "invalid_state", previous_state: "success" })
    })
  )

  it.effect("is told where it may go on, and where not", () =>
    Effect.gen(function* () {
      const job = yield* claimed()
      assert.deepInclude(detailOf((yield* heartbeat(job)).json), {
        reason: "not_running",
        current_state: "queued"
      })
      yield* run(job)
      assert.strictEqual((yield* heartbeat(job)).status, 204)
      const elsewhere = yield* heartbeat(job, { hostname: "edge-2", pid: 41 })
      assert.strictEqual(elsewhere.status, 409)
      assert.deepInclude(detailOf(elsewhere.json), {
        reason: "running_elsewhere",
        current_hostname: "edge-1"
      })
      yield* Jobs.use((jobs) => jobs.cancel(job, "ada"))
      const cancelled = yield* heartbeat(job)
      assert.strictEqual(cancelled.status, 409)
      assert.deepInclude(detailOf(cancelled.json), { reason: "not_running", current_state: "removed" })
      assert.strictEqual((yield* setState(job, { state: "success", end_date })).status, 409)
    })
  )

  it.effect("whose job was given to another worker is a former one: gone, and denied", () =>
    Effect.gen(function* () {
      const job = yield* started()
      yield* report(job, "queued")
      assert.strictEqual((yield* heartbeat(job)).status, 409)
      yield* Jobs.use((jobs) =>
        jobs.fetch(
          "w2",
          { free_concurrency: 4, supports_task_instance_uuid: true, queues: ["default"] },
          null
        )
      )
      assert.strictEqual((yield* heartbeat(job)).status, 410)
      assert.strictEqual((yield* run(job)).status, 404)
      assert.strictEqual((yield* setState(job, { state: "success", end_date })).status, 404)
      const xcom = `xcoms/dag/${job.run_id}/task/return_value`
      assert.strictEqual((yield* say(job, "POST", xcom, "1")).status, 403)
      assert.strictEqual((yield* say(job, "PUT", "variables/v", { val: "1" })).status, 403)
      assert.strictEqual((yield* say(job, "GET", xcom)).status, 404)
    })
  )

  for (const [body, word] of [
    [{ state: "success", end_date }, "success"],
    [{ state: "failed", end_date }, "failed"],
    [{ state: "skipped", end_date }, "skipped"],
    [{ state: "removed", end_date }, "removed"],
    [{ state: "up_for_retry", end_date, retry_delay_seconds: 1 }, "failed"]
  ] as const)
    it.effect(`that says ${body.state} ends its job as ${word}, whatever its exit code was`, () =>
      Effect.gen(function* () {
        for (const exit of ["success", "failed"] as const) {
          const job = yield* started()
          assert.strictEqual((yield* setState(job, body)).status, 204)
          assert.strictEqual((yield* setState(job, body)).status, 200)
          assert.strictEqual((yield* heartbeat(job)).status, 409)
          assert.strictEqual(yield* stateOf(job), "running")
          yield* report(job, exit)
          assert.strictEqual(yield* stateOf(job), word)
          yield* report(job, exit)
          assert.strictEqual((yield* setState(job, body)).status, 200)
        }
      })
    )

  it.effect("that says nothing ends as its exit code, but has not succeeded", () =>
    Effect.gen(function* () {
      const [lost, crashed, other] = [yield* started(), yield* started(), yield* claimed()]
      yield* report(lost, "success")
      yield* report(lost, "success")
      yield* report(crashed, "failed")
      yield* report(other, "success")
      assert.deepStrictEqual(yield* Effect.all([lost, crashed, other].map(stateOf)), [
        "failed",
        "failed",
        "success"
      ])
      const { reason } = yield* Jobs.use((jobs) => jobs.get(lost))
      assert.match(reason ?? "", /without saying/)
    })
  )

  it.effect("that asks to come back is queued again at its time, with what it had", () =>
    Effect.gen(function* () {
      const sweep = Sweeper.use(({ sweep }) => sweep)
      const job = yield* started()
      const start = `task-reschedules/${idOf(job)}/start_date`
      assert.strictEqual((yield* say(job, "GET", start)).text, "null")
      const later = new Date(Date.now() + 3_600_000).toISOString()
      const body = { state: "up_for_reschedule", reschedule_date: later, end_date }
      assert.strictEqual((yield* setState(job, body)).status, 204)
      assert.strictEqual((yield* setState(job, body)).status, 200)
      yield* report(job, "success")
      yield* sweep
      assert.strictEqual(yield* stateOf(job), "up_for_reschedule")
      const repository = yield* Repository
      const { task } = yield* Jobs.use((jobs) => jobs.get(job))
      assert.strictEqual(task?.wakeAt, Date.parse(later))
      // as if the hour were over
      yield* repository.changeJobs({ states: ["up_for_reschedule"] }, (one) =>
        one.task === null ? one : { ...one, task: { ...one.task, wakeAt: Date.now() } }
      )
      yield* sweep
      assert.strictEqual(yield* stateOf(job), "queued")
      yield* report(job, "success")
      assert.strictEqual(yield* stateOf(job), "queued")
      const again = yield* Effect.map(
        Jobs.use((jobs) =>
          jobs.fetch(
            "w",
            { free_concurrency: 4, supports_task_instance_uuid: true, queues: ["default"] },
            null
          )
        ),
        (found) => (found._tag === "Some" ? found.value : job)
      )
      assert.notStrictEqual(idOf(again), idOf(job))
      assert.strictEqual(again.try_number, 1)
      const heard = yield* run(again, { ...running, pid: 50, start_date: "2026-11-28T13:00:00Z" })
      assert.strictEqual(Schema.decodeUnknownSync(TIRunContext)(heard.json).task_reschedule_count, 1)
      const told = yield* say(again, "GET", `task-reschedules/${idOf(again)}/start_date`)
      assert.strictEqual(told.json, running.start_date)
    })
  )

  it.effect("that nothing here could bring on is told so", () =>
    Effect.gen(function* () {
      const job = yield* started()
      for (const body of [
        { state: "deferred", classpath: "x.T", next_method: "m" },
        { state: "awaiting_input", next_method: "m" }
      ]) {
        const heard = yield* setState(job, body)
        assert.strictEqual(heard.status, 422)
        assert.deepInclude(detailOf(heard.json), { reason: "not_supported" })
      }
      assert.strictEqual((yield* setState(job, { state: "failed", end_date })).status, 204)
    })
  )

  it.effect("skips those of its run that wait", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = yield* started()
      const submit = (task_id: string, run_id: string, map_index = -1) =>
        jobs.submit({ dag_id: "dag", task_id, run_id, map_index, queue: "nobody" }, "ada")
      const all = [
        yield* submit("a", job.run_id),
        yield* submit("b", job.run_id, 2),
        yield* submit("b", job.run_id, 3),
        yield* submit("a", "another run")
      ]
      const path = `task-instances/${idOf(job)}/skip-downstream`
      assert.strictEqual((yield* say(job, "PATCH", path, { tasks: ["a", ["b", 2]] })).status, 204)
      const states = yield* Effect.forEach(all, ({ key }) => jobs.get(key))
      assert.deepStrictEqual(
        states.map(({ state }) => state),
        ["skipped", "skipped", "queued", "queued"]
      )
    })
  )

  it.effect("asks about its run and the others, and hears what their jobs say", () =>
    Effect.gen(function* () {
      const run_id = "the run"
      const [a, b] = [
        yield* started({ run_id, dag_id: "d2" }),
        yield* started({ run_id, dag_id: "d2", task_id: "mapped", map_index: 3 })
      ]
      const at = encodeURIComponent(run_id)
      const text = (path: string) => Effect.map(say(a, "GET", path), (heard) => heard.json)
      assert.deepStrictEqual(yield* text(`dag-runs/d2/${at}/state`), { state: "running" })
      yield* setState(b, { state: "failed", end_date })
      yield* report(b, "success")
      assert.deepStrictEqual(yield* text(`task-instances/states?dag_id=d2&run_ids=${at}`), {
        task_states: { [run_id]: { task: "running", mapped_3: "failed" } }
      })
      assert.strictEqual(yield* text("task-instances/count?dag_id=d2&states=failed"), 1)
      assert.strictEqual(yield* text("dag-runs/count?dag_id=d2"), 1)
      assert.deepStrictEqual(yield* text(`task-instances/breadcrumbs?dag_id=d2&run_id=${at}`), {
        breadcrumbs: [{ task_id: "mapped", map_index: 3, state: "failed", operator: null, duration: null }]
      })
      assert.include(yield* text("dags/d2"), { relative_fileloc: "d2.py", bundle_name: "dags-folder" })
      assert.include(yield* text(`dag-runs/d2/${at}`), { run_id, state: "running", end_date: null })
      for (const path of ["dags/none", "dag-runs/d2/none", "assets/by-name?name=x"])
        assert.strictEqual((yield* say(a, "GET", path)).status, 404, path)
      assert.strictEqual((yield* say(a, "POST", "dag-runs/d2/new", {})).status, 404)
      assert.strictEqual(yield* text("dag-runs/previous?dag_id=d2&logical_date=2026-01-01T00:00:00Z"), null)
      assert.deepStrictEqual(yield* text(`task-instances/${idOf(a)}/validate-inlets-and-outlets`), {
        inactive_assets: []
      })
      assert.strictEqual((yield* say(a, "PUT", `task-instances/${idOf(a)}/rtif`, '{"bash":1.0}')).status, 201)
      const index = `task-instances/${idOf(a)}/rendered-map-index`
      assert.strictEqual((yield* say(a, "PATCH", index, '"x"')).status, 204)
      assert.strictEqual((yield* say(a, "PATCH", index, '""')).status, 422)
    })
  )
})
