/** Python tasks at the embedded central, run by Airflow's own worker and by ours: values, failures, an end from outside. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { CentralJob, CentralLog } from "../../src/protocol/CentralApi.ts"
import { newFolder, startCentral, startOurs, startPython, startStandalone } from "./embeddedCentral.ts"

const dag = `
from __future__ import annotations
import os
import time
from datetime import datetime
from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk import BaseHook, Variable, dag, get_current_context, task
from airflow.sdk.bases.sensor import PokeReturnValue

VALUE = {"whole": 3, "float": 1.0, "big": 9007199254740993, "none": None, "text": "é"}

@dag(start_date=datetime(2024, 1, 1), schedule=None, catchup=False)
def embedded():
    @task
    def give():
        print("a line of the task's own")
        return VALUE

    @task
    def take():
        context = get_current_context()
        value = context["ti"].xcom_pull(task_ids="give")
        assert value == VALUE and isinstance(value["float"], float), value
        assert context["dag_run"].conf == {"n": 7}, context["dag_run"].conf
        assert Variable.get("greeting") == "good morning"
        assert BaseHook.get_connection("db").password == "p@ss"
        Variable.set("taken", "yes")
        context["ti"].xcom_push(key="odd/key", value=None)
        print("taken", Variable.get("taken"), context["ds"])

    @task
    def fails():
        raise ValueError("this task fails")

    @task
    def fails_first():
        ti = get_current_context()["ti"]
        print("max_tries", ti.max_tries, "left", ti.xcom_pull(task_ids="fails_first", key="mark"))
        ti.xcom_push(key="mark", value=ti.try_number)
        if ti.try_number == 1:
            raise ValueError("not yet")

    @task
    def gives_up():
        raise AirflowFailException("never")

    @task
    def skips():
        raise AirflowSkipException("not today")

    @task.sensor(mode="reschedule", poke_interval=1, timeout=120)
    def waits():
        mark = Variable.get("waited", default=None)
        Variable.set("waited", "once")
        return PokeReturnValue(is_done=mark == "once")

    @task
    def hangs(mark):
        open(mark, "w").close()
        time.sleep(600)

    give(), take(), fails(), fails_first(), gives_up(), skips(), waits()
    hangs(os.environ["EMBEDDED_MARK"])

embedded()
`

const start = async () => {
  const folder = newFolder()
  const write = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value), {
      mode: 0o600
    })
    return join(folder, name)
  }
  const central = await startCentral({
    AIRFLOW__EDGE_CENTRAL__VARIABLES_FILE: write("variables.json", { greeting: "good morning" }),
    AIRFLOW__EDGE_CENTRAL__CONNECTIONS_FILE: write("connections.json", { db: "postgres://u:p%40ss@host/x" })
  })
  mkdirSync(join(folder, "dags"))
  write("dags/embedded.py", dag)
  const mark = join(folder, "it-hangs")
  const path = (task: string, attempt = 1) => `/central/v1/jobs/embedded/${task}/run/${attempt}/-1`
  const job = async (task: string, attempt = 1) =>
    Schema.decodeUnknownSync(CentralJob)(await central.call(200, "GET", path(task, attempt)))
  return {
    central,
    mark,
    variables: {
      ...central.variables,
      AIRFLOW__CORE__DAGS_FOLDER: join(folder, "dags"),
      EMBEDDED_MARK: mark
    },
    job,
    submit: (task: string, conf?: unknown, more: object = {}) =>
      central.call(201, "POST", "/central/v1/jobs", {
        dag_id: "embedded",
        task_id: task,
        run_id: "run",
        ...(conf === undefined ? {} : { conf }),
        ...more
      }),
    cancel: (task: string) => central.call(200, "POST", `${path(task)}/cancel`),
    ends: (task: string, state: string, attempt = 1) =>
      eventually(
        `${task} ends as ${state}`,
        () => job(task, attempt),
        (seen) => seen.state === state,
        { seconds: 90 }
      ),
    saysInItsLog: (task: string, pattern: RegExp, attempt = 1) =>
      eventually(
        `the log of ${task}`,
        async () =>
          Schema.decodeUnknownSync(CentralLog)(await central.call(200, "GET", `${path(task, attempt)}/log`))
            .text,
        (text) => pattern.test(text),
        { seconds: 30 }
      )
  }
}

/** What is in the central's own file. */
const stored = (home: string, query: string) => {
  const database = new DatabaseSync(join(home, "edge-central", "central.sqlite"), { readOnly: true })
  try {
    return database.prepare(query).all()
  } finally {
    database.close()
  }
}

describe.each([
  ["Airflow's own worker", startPython],
  ["our worker", startOurs]
] as const)("Python tasks of the embedded central at %s", (_, startWorker) => {
  it("succeed, hand on values, fail, are tried again, skip, come back later, and end when they are cancelled", async () => {
    const site = await start()
    const worker = startWorker("w", site.variables)
    await site.central.reaches("w", "idle")

    await site.submit("give")
    await site.ends("give", "success")
    await site.saysInItsLog("give", /"event":"a line of the task's own"/)
    expect(
      stored(site.central.home, "SELECT name, content FROM central_xcom WHERE task_id = 'give'").map(
        (row) => ({
          ...row
        })
      )
    ).toEqual([
      {
        name: "return_value",
        content: expect.stringContaining('"whole":3,"float":1.0,"big":9007199254740993,"none":null')
      }
    ])

    await site.submit("take", { n: 7 })
    await site.ends("take", "success")
    await site.saysInItsLog("take", /taken yes/)

    await site.submit("fails")
    await site.ends("fails", "failed")
    await site.saysInItsLog("fails", /this task fails/)
    const again = { retries: 1, retry_delay: 1 }
    await site.submit("fails_first", undefined, again)
    await site.ends("fails_first", "failed")
    expect((await site.job("fails_first")).next_try).toBe(2)
    await site.ends("fails_first", "success", 2)
    await site.saysInItsLog("fails_first", /max_tries 1 left None.*not yet/s)
    await site.saysInItsLog("fails_first", /max_tries 1 left None/, 2)
    await site.submit("gives_up", undefined, again)
    await site.ends("gives_up", "failed")
    expect((await site.job("gives_up")).next_try).toBeNull()

    await site.submit("skips")
    await site.ends("skips", "skipped")
    await site.submit("waits")
    await site.ends("waits", "success")
    expect(
      stored(site.central.home, "SELECT claims FROM central_job WHERE task_id = 'waits'").map(
        ({ claims }) => claims
      )
    ).toEqual([2])

    await site.submit("hangs")
    await eventually("it hangs", () => existsSync(site.mark), Boolean, { seconds: 60 })
    await site.cancel("hangs")
    await site.saysInItsLog("hangs", /the task shouldn't be running anymore/)
    await site.ends("hangs", "removed")
    await site.central.reaches("w", "idle")
    expect(worker.ended()).toBeUndefined()
    expect(readFileSync(site.mark, "utf8")).toBe("")
  })
})

it("a standalone site runs the Python tasks of its own folder", async () => {
  const folder = join(newFolder(), "site")
  mkdirSync(join(folder, "dags"), { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, "dags", "embedded.py"), dag.replace('os.environ["EMBEDDED_MARK"]', '"none"'))
  const call = await startStandalone(folder)
  await call(201, "POST", "/central/v1/jobs", { dag_id: "embedded", task_id: "give", run_id: "run" })
  await eventually(
    "it ends",
    async () =>
      Schema.decodeUnknownSync(CentralJob)(await call(200, "GET", "/central/v1/jobs/embedded/give/run/1/-1")),
    (job) => job.state === "success",
    { seconds: 90 }
  )
})
