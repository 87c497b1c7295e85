/** A Dag's deadline alert arrives as a callback job, runs in the worker and ends as success. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { site, trigger } from "./site.ts"
import { ours, startWorker } from "./worker.ts"

test.runIf(ours)(
  "a deadline's callback runs, its job ends as success, its log stays with the worker",
  async () => {
    const worker = await startWorker()
    const run = await trigger("callback")
    const folder = join(worker.logFolder, "executor_callbacks", "callback", run.id)
    const [id = ""] = await eventually(
      "the callback's log file",
      () => (existsSync(folder) ? readdirSync(folder) : []),
      (names) => names.length > 0
    )
    await eventually(
      "the callback's job ends",
      async () => (await site.api.jobs({ dag: "ExecuteCallback" })).filter((job) => job.task_id === id),
      (jobs) => jobs[0]?.state === "success"
    )
    expect(readFileSync(join(folder, id), "utf8")).toContain("the deadline is over callback")
    // a push for a callback always gets 500: that must harm neither the job nor the worker
    expect(await site.api.dagRunEnded(run)).toBe("success")
  }
)
