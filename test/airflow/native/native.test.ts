/** Tasks in TypeScript on a real Airflow, by an executable that has no Python, Node or shell around it. */

import { beforeAll, describe, expect, test } from "vitest"
import { eventually } from "../../../scripts/airflow/eventually.ts"
import { jobsSucceed, sameLog, site, siteLog, trigger, workerLog } from "../site.ts"
import { ours } from "../worker.ts"
import { byTask, lines, says, startPython, xcom } from "./runs.ts"
import { setUpNative, startNative } from "./setUp.ts"

describe.runIf(ours)("tasks in TypeScript", () => {
  beforeAll(setUpNative)

  test("XComs both ways with every digit, variables, connections, mapped tasks downstream and between", async () => {
    const native = await startNative()
    await startPython()
    const run = await trigger("native")
    expect(await site.api.dagRunEnded(run)).toBe("success")
    const of = await byTask(run)
    expect(of("crunch").hostname).toBe(native.name)

    const crunched = await sameLog(native.logFolder, run, { task: "crunch" })
    expect(crunched).toContain("good day, oven.example")
    expect(crunched).toContain('"digits":"1.0"')
    expect(crunched).toContain("the password is ***")
    expect(crunched).not.toContain("p4ssw0rd")
    await says(run, "report", "crunched 6 float 1.0 int 12345678901234567890")
    const answer = (await site.api.request("GET", "/api/v2/variables/native_answer")) as { value: string }
    expect(answer.value).toBe("12345678901234567891")

    expect([of("square", 0), of("square", 1), of("square", 2)].map(({ state }) => state)).toEqual([
      "success",
      "success",
      "success"
    ])
    expect(siteLog(run, { task: "each", map: 1 })).toContain("instance 1 sees 4, 9, 16")
    expect(await xcom(run, "add")).toBe(29 + 30)
    await jobsSucceed(run, 10)
  })

  test("each way to end: retry, no retry, failure, skip, branch, reschedule, deferral, a run triggered", async () => {
    const native = await startNative()
    await startPython()
    const run = await trigger("native_ends")
    await eventually(
      "the last task of native_ends has run",
      async () => (await byTask(run))("over").state,
      (state) => state === "success",
      { seconds: 150 }
    )
    const of = await byTask(run)
    const states = Object.fromEntries(
      [
        "retries",
        "fails_at_once",
        "fails",
        "skips",
        "after_skip",
        "branches",
        "taken",
        "left_out",
        "reschedules",
        "defers",
        "triggers"
      ].map((task) => [task, `${of(task).state} ${of(task).try_number}`])
    )
    expect(states).toEqual({
      retries: "success 2",
      fails_at_once: "failed 1",
      fails: "failed 1",
      skips: "skipped 1",
      after_skip: "skipped 0",
      branches: "success 1",
      taken: "success 1",
      left_out: "skipped 0",
      reschedules: "success 1",
      defers: "success 1",
      triggers: "success 1"
    })

    await sameLog(native.logFolder, run, { task: "fails" })
    const failure = lines(run, { task: "fails" }).find(({ error_detail }) => error_detail !== undefined)
    expect(failure).toMatchObject({
      level: "error",
      error_detail: [
        expect.objectContaining({
          exc_type: "OvenTooHot",
          exc_value: "the oven has 1200 °C",
          is_cause: false
        })
      ]
    })
    const shown = (await site.api.request(
      "GET",
      `/api/v2/dags/native_ends/dagRuns/${encodeURIComponent(run.id)}/taskInstances/fails/logs/1`
    )) as { readonly content: ReadonlyArray<Record<string, unknown>> }
    // what Airflow's own page renders as a traceback
    expect(JSON.stringify(shown.content)).toContain('"exc_type":"OvenTooHot"')

    expect(siteLog(run, { task: "reschedules" })).toContain("rescheduled 0 times")
    await says(run, "reschedules", "rescheduled 1 times")
    expect(await sameLog(native.logFolder, run, { task: "defers" })).toContain(
      "after the trigger with apples"
    )
    const other = { dag: "native_waits", id: String(await xcom(run, "triggers")) }
    expect(await site.api.dagRunEnded(other)).toBe("success")
  })

  test("marked failed while it runs: it is interrupted, its finalizer runs, nothing is told over the site's word", async () => {
    const native = await startNative()
    const run = await trigger("native_waits")
    await says(run, "waits", "tick 2")
    const path = `/api/v2/dags/native_waits/dagRuns/${encodeURIComponent(run.id)}/taskInstances/waits`
    await site.api.request("PATCH", path, { new_state: "failed" })
    await says(run, "waits", "the finalizer ran")
    expect(await site.api.dagRunEnded(run)).toBe("failed")
    await native.reaches(["idle"])
    expect((await byTask(run))("waits").state).toBe("failed")
    expect(siteLog(run, { task: "waits" })).not.toContain("waited to the end")
  })

  test("cleared while it runs: the try is stopped, and the next one is run", async () => {
    await startNative()
    const run = await trigger("native_waits", { seconds: 6 })
    await says(run, "waits", "tick 2")
    await site.api.request("POST", "/api/v2/dags/native_waits/clearTaskInstances", {
      dry_run: false,
      dag_run_id: run.id,
      task_ids: ["waits"],
      only_failed: false,
      only_running: false
    })
    await says(run, "waits", "the finalizer ran")
    expect(await site.api.dagRunEnded(run)).toBe("success")
    expect((await byTask(run))("waits").try_number).toBe(2)
    expect(siteLog(run, { task: "waits", try: 2 })).toContain("waited to the end")
  })

  test("a minute without the site: the task goes on, and its end and its whole log arrive", async () => {
    const native = await startNative()
    const run = await trigger("native_waits", { seconds: 75 })
    await says(run, "waits", "tick 2")
    await native.gateway.leave()
    await eventually(
      "the task has gone on for a minute",
      () => workerLog(native.logFolder, run, { task: "waits" }).toString("utf8"),
      (log) => log.includes('"tick 124"'),
      { seconds: 120 }
    )
    await native.gateway.comeBack()
    expect(await site.api.dagRunEnded(run)).toBe("success")
    const log = await sameLog(native.logFolder, run, { task: "waits" })
    expect(log).toContain("tick 150")
    expect(log).toContain("waited to the end")
    expect((await byTask(run))("waits").try_number).toBe(1)
  })
})
