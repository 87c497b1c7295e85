/** An operator's extended sysinfo function, here edge3's own example, works through the local Python. */
import { expect, test } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { site } from "./site.ts"
import { startWorker } from "./worker.ts"

test("edge3's example function adds its keys to the sysinfo, heartbeat after heartbeat", async () => {
  const worker = await startWorker({
    settings: {
      AIRFLOW__EDGE__EXTENDED_SYSTEM_INFO_FUNCTION:
        "airflow.providers.edge3.cli.example_extended_sysinfo.get_example_extended_sysinfo"
    }
  })
  const row = await eventually(
    "the function's keys",
    async () => (await site.api.worker(worker.name))?.sysinfo ?? {},
    (sysinfo) => "disk_free_gb" in sysinfo
  )
  expect(row).toMatchObject({ platform: "linux", airflow_version: "3.3.2", concurrency: 8 })
  expect(row["status_text"]).toBeTypeOf("string")
})
