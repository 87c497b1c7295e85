/** XComs at the embedded central: digit by digit, by map index, by position and by slice, and only their own task's. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Repository } from "../../src/central/Repository.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { served } from "./served.ts"
import { claimed, end_date, headerOf, report, run, say, setState, started } from "./taskSite.ts"

const hard = '{"f":1.0,"big":9007199254740993,"2":null,"1":[-0,1e400,"\\u0000\\ud83d"]}'

layer(served(), { excludeTestServices: true })("XComs at the embedded central", (it) => {
  it.effect("come back as they were written, and in the place of the one before", () =>
    Effect.gen(function* () {
      const job = yield* started()
      const path = `xcoms/dag/${job.run_id}/task/return_value`
      assert.strictEqual((yield* say(job, "GET", path)).status, 404)
      for (const text of [hard, "1.0", '"text"', "null", "[]", " 12 "]) {
        assert.strictEqual((yield* say(job, "POST", path, text)).status, 201)
        assert.strictEqual((yield* say(job, "GET", path)).text, `{"key":"return_value","value":${text}}`)
      }
      // Python's client sends no body for None
      assert.strictEqual((yield* say(job, "POST", path)).status, 201)
      assert.strictEqual((yield* say(job, "GET", path)).text, '{"key":"return_value","value":null}')
      for (const text of ["{", "NaN", "1 2"])
        assert.strictEqual((yield* say(job, "POST", path, text)).status, 422)
      assert.strictEqual((yield* say(job, "DELETE", path)).status, 200)
      assert.strictEqual((yield* say(job, "DELETE", path)).status, 200)
      assert.strictEqual((yield* say(job, "GET", path)).status, 404)
    })
  )

  it.effect("have keys of any kind, with slashes as Airflow's client sends them", () =>
    Effect.gen(function* () {
      const job = yield* started()
      const at = `xcoms/dag/${job.run_id}/task`
      for (const [n, key] of [
        "a/b",
        "a%2Fb/c",
        "slice",
        "x/item/1",
        "item",
        "x%3Fy",
        "%25",
        "%C3%A9"
      ].entries()) {
        assert.strictEqual((yield* say(job, "POST", `${at}/${key}`, String(n))).status, 201, key)
        const shown = key === "x/item/1" ? `${at}/x%2Fitem%2F1` : `${at}/${key}`
        const { text } = yield* say(job, "GET", shown)
        assert.strictEqual(text, `{"key":${JSON.stringify(decodeURIComponent(key))},"value":${n}}`)
      }
      const repository = yield* Repository
      const left = yield* repository.xcoms({ dag_id: "dag", run_id: job.run_id, task_id: "task" })
      assert.sameMembers(
        left.map(({ key }) => key),
        ["a/b", "a/b/c", "slice", "x/item/1", "item", "x?y", "%", "é"]
      )
    })
  )

  it.effect("of a mapped task are found by position, by slice and by number", () =>
    Effect.gen(function* () {
      const job = yield* started()
      const path = `xcoms/dag/${job.run_id}/task/return_value`
      for (const index of [2, 0, 1, 3])
        yield* say(
          job,
          "POST",
          `${path}?map_index=${index}&mapped_length=2`,
          index === 1 ? "null" : `${index}.0`
        )
      const text = (query: string) => Effect.map(say(job, "GET", `${path}${query}`), (heard) => heard.text)
      assert.strictEqual(headerOf(yield* say(job, "HEAD", path), "content-range"), "map_indexes 4")
      assert.strictEqual((yield* say(job, "HEAD", `${path}?map_index=1`)).status, 400)
      assert.strictEqual(yield* text("?map_index=3"), '{"key":"return_value","value":3.0}')
      assert.strictEqual((yield* say(job, "GET", path)).status, 404)
      assert.strictEqual(yield* text("/item/1"), "null")
      assert.strictEqual(yield* text("/item/-1"), "3.0")
      assert.strictEqual((yield* say(job, "GET", `${path}/item/4`)).status, 404)
      // of values that are none, a position says nothing
      assert.strictEqual(yield* text("?offset=1"), '{"key":"return_value","value":2.0}')
      assert.strictEqual(yield* text("?offset=-3"), '{"key":"return_value","value":0.0}')
      assert.strictEqual(yield* text("/slice"), "[0.0,null,2.0,3.0]")
      assert.strictEqual(yield* text("/slice?start=-2"), "[2.0,3.0]")
      assert.strictEqual(yield* text("/slice?step=-2"), "[3.0,null]")
      const long = yield* say(job, "POST", `${path}?mapped_length=1025`, "[]")
      assert.strictEqual(long.status, 400)
      assert.match(long.text, /unmappable_return_value_length/)
    })
  )

  it.effect("of a former run are found where they are asked for, the newest first", () =>
    Effect.gen(function* () {
      const [first, second, third] = [yield* started(), yield* started(), yield* started()]
      const path = (job: typeof first) => `xcoms/dag/${job.run_id}/task/state`
      yield* say(first, "POST", path(first), "1")
      assert.strictEqual((yield* say(third, "GET", path(third))).status, 404)
      const asked = `${path(third)}?include_prior_dates=true`
      assert.strictEqual((yield* say(third, "GET", asked)).text, '{"key":"state","value":1}')
      yield* say(second, "POST", path(second), "2")
      assert.strictEqual((yield* say(third, "GET", asked)).text, '{"key":"state","value":2}')
      const slice = `${path(third)}/slice?include_prior_dates=true`
      assert.strictEqual((yield* say(third, "GET", slice)).text, "[2]")
    })
  )

  it.effect("are written by their own task, while it runs; it is told which to remove first", () =>
    Effect.gen(function* () {
      const job = yield* started()
      const other = yield* started({ task_id: "other", run_id: job.run_id })
      const path = `xcoms/dag/${job.run_id}/task/return_value`
      assert.strictEqual((yield* say(other, "POST", path, "1")).status, 403)
      assert.strictEqual((yield* say(other, "DELETE", path)).status, 403)
      yield* say(job, "POST", path, "1")
      yield* say(job, "POST", `xcoms/dag/${job.run_id}/task/more`, "1")
      assert.strictEqual((yield* say(other, "GET", path)).status, 200)
      const { text } = yield* run(job)
      assert.match(text, /"xcom_keys_to_clear":\["(?:return_value","more|more","return_value)"\]/)
      yield* setState(job, { state: "success", end_date })
      assert.strictEqual((yield* say(job, "POST", path, "2")).status, 403)
      const waiting = yield* claimed({ task_id: "waiting", run_id: job.run_id })
      const own = `xcoms/dag/${job.run_id}/waiting/return_value`
      assert.strictEqual((yield* say(waiting, "POST", own, "2")).status, 403)
    })
  )

  it.effect("go with the last job of their run", () =>
    Effect.gen(function* () {
      const repository = yield* Repository
      const job = yield* started()
      const other = yield* started({ task_id: "other", run_id: job.run_id })
      const path = `xcoms/dag/${job.run_id}/task/return_value`
      yield* say(job, "POST", path, "1")
      const filter = { dag_id: "dag", run_id: job.run_id, task_id: "task" }
      yield* setState(job, { state: "success", end_date })
      yield* report(job, "success")
      const age = (task: string) =>
        repository.changeJobs({ exactly: { run_id: job.run_id, task_id: task } }, (one) => ({
          ...one,
          lastUpdate: 0
        }))
      yield* age("task")
      yield* Sweeper.use(({ sweep }) => sweep)
      assert.isUndefined(yield* repository.job(job))
      assert.lengthOf(yield* repository.xcoms(filter), 1)
      yield* setState(other, { state: "failed", end_date })
      yield* report(other, "failed")
      yield* age("other")
      yield* Sweeper.use(({ sweep }) => sweep)
      assert.lengthOf(yield* repository.xcoms(filter), 0)
    })
  )
})
