/** What a task in TypeScript can ask for, on a real Airflow: people, assets, stores, runs, other tasks and their XComs. */
import { beforeAll, describe, expect, onTestFinished, test } from "vitest"
import type { Run } from "../../../scripts/airflow/api.ts"
import { eventually } from "../../../scripts/airflow/eventually.ts"
import { sameLog, site, siteLog, trigger } from "../site.ts"
import { ours } from "../worker.ts"
import { byTask, lines, xcom } from "./runs.ts"
import { setUpNative, startNative } from "./setUp.ts"

/** The question of a task, by the path of the site's own API. */
const question = (run: Run, task: string) =>
  `/api/v2/dags/${run.dag}/dagRuns/${encodeURIComponent(run.id)}/taskInstances/${task}/-1/hitlDetails`

const states = async (run: Run) =>
  Object.fromEntries(
    (await site.api.taskInstances(run)).map(({ map_index, state, task_id }) => [
      map_index < 0 ? task_id : `${task_id}[${map_index}]`,
      state
    ])
  )

/** A run with a logical date, by which the site knows which one was before it. */
const triggerAt = async (dag: string, logicalDate: Date): Promise<Run> => {
  const answer = (await site.api.request("POST", `/api/v2/dags/${dag}/dagRuns`, {
    logical_date: logicalDate.toISOString()
  })) as { readonly dag_run_id: string }
  const run = { dag, id: answer.dag_run_id }
  onTestFinished(() => site.api.giveUp(run))
  return run
}

describe.runIf(ours)("what tasks in TypeScript ask for", () => {
  beforeAll(setUpNative)

  test("people: an answer with a form, the defaults after a timeout, and nobody at all", async () => {
    const native = await startNative()
    const run = await trigger("native_asks")
    await eventually(
      "approves waits for an answer",
      async () => (await states(run))["approves"],
      (state) => state === "awaiting_input"
    )
    // nothing of it holds a slot or lives here
    await native.reaches(["idle"])
    const shown = (await site.api.request("GET", question(run, "approves"))) as Record<string, unknown>
    expect(shown).toMatchObject({
      ...{ subject: "Send the bread?", body: "It is **done**.", options: ["send", "stop"], multiple: false },
      ...{ defaults: null, response_received: false },
      params: { street: { value: "Mill Lane" }, loaves: { value: 2 } }
    })
    await expect(
      site.api.request("PATCH", question(run, "approves"), { chosen_options: ["burn"], params_input: {} })
    ).rejects.toThrow("400")
    const before = Date.now()
    await site.api.request("PATCH", question(run, "approves"), {
      chosen_options: ["send"],
      params_input: { street: "Oven Street", loaves: 3 }
    })
    expect(await site.api.dagRunEnded(run)).toBe("failed")
    expect(await states(run)).toEqual({
      ...{ approves: "success", sent: "success", stopped: "skipped" },
      ...{ by_default: "success", unanswered: "failed" }
    })
    const answer = (await xcom(run, "approves")) as { readonly at: string }
    expect(answer).toMatchObject({
      ...{ chosen: ["send"], timedOut: false, by: expect.any(String), basket: "willow" },
      params: { street: "Oven Street", loaves: 3 }
    })
    expect(Math.abs(Date.parse(answer.at) - before)).toBeLessThan(60_000)
    expect(await xcom(run, "sent")).toBe("3 to Oven Street")
    expect(await xcom(run, "by_default")).toEqual({
      ...{ chosen: ["salt", "seeds"], params: { grams: 5 }, timedOut: true, by: null }
    })
    await sameLog(native.logFolder, run, { task: "unanswered" })
    expect(lines(run, { task: "unanswered" }).find(({ error_detail }) => error_detail)).toMatchObject({
      error_detail: [expect.objectContaining({ exc_type: "NoAnswer" })]
    })
    expect((await byTask(run))("approves").try_number).toBe(1)
  })

  test("assets: updates by name and by alias, their events, a run that they start, and their store", async () => {
    await startNative()
    const run = await trigger("native_assets")
    expect(await site.api.dagRunEnded(run)).toBe("success")
    const bread = {
      name: "native_bread",
      uri: "x-oven://native/bread",
      group: "oven",
      extra: { kind: "rye" }
    }
    const baked = {
      ...{ name: bread.name, extra: { loaves: 3, weight: 1.5, by: run.id } },
      ...{ source_dag_id: "native_assets", source_task_id: "bakes", source_run_id: run.id }
    }
    expect(await xcom(run, "tastes")).toEqual({
      byName: bread,
      byUri: bread,
      noAsset: 'there is no asset named "native_cake"',
      ofAlias: [expect.objectContaining({ name: "native_rolls", uri: "x-oven://native/rolls" })],
      ofNoAlias: [],
      events: [baked],
      eventsByUri: [baked],
      eventsByBoth: [baked],
      eventsOfAlias: [
        {
          ...baked,
          ...{ name: "native_rolls", extra: { rolls: 12, by: run.id }, source_task_id: "serves" }
        }
      ],
      partitions: ["crumb", "crust"],
      inactive: [],
      store: {
        gone: 'there is no stored value "never"',
        mark: { page: 7, rate: 0.5 },
        count: 3,
        deleted: "NotFound",
        left: { page: 7, rate: 0.5 },
        cleared: "NotFound"
      }
    })

    const started = async () => {
      const { asset_events } = (await site.api.request(
        "GET",
        `/api/v2/assets/events?source_dag_id=native_assets&source_run_id=${encodeURIComponent(run.id)}`
      )) as { readonly asset_events: ReadonlyArray<Record<string, unknown>> }
      const event = asset_events.find(
        ({ source_task_id, uri }) => source_task_id === "bakes" && uri === bread.uri
      )
      expect(event).toMatchObject({ extra: baked.extra })
      const runs = (event?.["created_dagruns"] ?? []) as ReadonlyArray<{ readonly run_id: string }>
      return runs[0]?.run_id
    }
    const follower = await eventually("the bread has started a run", started, (id) => id !== undefined)
    const led = { dag: "native_follows", id: String(follower) }
    onTestFinished(() => site.api.giveUp(led))
    expect(await site.api.dagRunEnded(led)).toBe("success")
    expect(await xcom(led, "eats")).toEqual({
      runType: "asset_triggered",
      led: [{ name: bread.name, uri: bread.uri, extra: baked.extra, aliases: [], task: "bakes" }]
    })
  })

  test("stores, runs, other tasks, XComs of mapped tasks, variables", async () => {
    const native = await startNative()
    const day = Math.floor(Date.now() / 1000) * 1000 - 3_600_000
    const first = await triggerAt("native_looks", new Date(day))
    expect(await site.api.dagRunEnded(first)).toBe("success")
    const run = await triggerAt("native_looks", new Date(day + 1000))
    expect(await site.api.dagRunEnded(run)).toBe("success")

    expect(await xcom(run, "remembers")).toEqual({
      seen: ["1.0", "1.1", "2.0"],
      soon: 1,
      since: "string",
      deleted: "NotFound",
      cleared: 'there is no stored value "cursor of/pages"'
    })
    // by [state_store] default_retention_days, which is 30
    const kept = native.gateway.execution.find(
      ({ method, path }) => method === "PUT" && path.endsWith("/since")
    )
    const { expires_at } = JSON.parse(kept?.request ?? "{}") as { readonly expires_at: string }
    expect((Date.parse(expires_at) - Date.now()) / 86_400_000).toBeCloseTo(30, 1)
    const crumb = { state: "success", operator: "_StubOperator" }
    expect(await xcom(run, "looks")).toEqual({
      xcoms: {
        all: [0, 10, 20, 30, 40],
        middle: [10, 20],
        fromEnd: [30, 40],
        butLast: [0, 10, 20, 30],
        everySecond: [0, 20, 40],
        backwards: [40, 30, 20, 10, 0],
        beyond: [],
        count: 5,
        evens: 3,
        evenOnes: [0, 2, 4],
        none: 0,
        second: 10,
        last: 40,
        noItem: "NotFound",
        byIndex: 30,
        pushed: [1],
        removed: "None",
        noneNow: "None"
      },
      runs: {
        state: "running",
        own: "manual",
        noRun: "TaskRequestFailed",
        previous: { runId: first.id, state: "success" },
        previousFailed: null,
        succeededBefore: true,
        counts: { thisOne: 1, failed: 0, byDate: 1, other: 0 },
        dag: { paused: false, tags: ["native"] }
      },
      instances: {
        done: 5,
        one: 1,
        failed: 0,
        states: {
          ...{ counts_0: "success", counts_1: "success", counts_2: "success", counts_3: "success" },
          ...{ counts_4: "success", remembers: "success", looks: "running" }
        },
        previous: { runId: first.id, state: "success", index: -1 },
        otherBefore: 3,
        crumbs: expect.arrayContaining([
          { task_id: "remembers", map_index: -1, ...crumb },
          { task_id: "counts", map_index: 4, ...crumb }
        ]),
        neverRescheduled: null
      },
      variables: { text: '{"n":1,"big":12345678901234567890}', keys: 1, gone: "NotFound", keysLeft: 0 }
    })
    expect(await states(run)).toMatchObject({ "left_out[0]": "success", "left_out[1]": "skipped" })
    expect(await xcom(run, "left_out", 0)).toEqual([0, 40])
    expect(siteLog(run, { task: "remembers", try: 2 })).not.toContain('"level":"error"')
  })
})
