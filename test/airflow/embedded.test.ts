/** Airflow's own worker at the embedded central: registration, orders, a second one of its name, versions. */
import { describe, expect, it } from "vitest"
import { eventually } from "../../scripts/airflow/eventually.ts"
import { type Running, startCentral, startPython } from "./embeddedCentral.ts"

const ends = (worker: Running) =>
  eventually("the worker ends", worker.ended, (code) => code !== undefined, { seconds: 90 })

describe("Airflow's own worker at the embedded central", () => {
  it("registers, goes into maintenance and out of it, takes a concurrency, and shuts down when it is asked to", async () => {
    const { ask, reaches, variables } = await startCentral()
    const worker = startPython("py-1", variables)
    const idle = await reaches("py-1", "idle")
    expect(idle).toMatchObject({ queues: ["default"], sysinfo: { airflow_version: "3.3.2", concurrency: 2 } })
    await ask("POST", "/py-1/maintenance", { maintenance_comment: "disk" })
    const resting = await reaches("py-1", "maintenance mode")
    expect(resting?.maintenance_comments).toMatch(/put node into maintenance mode\nComment: disk$/)
    await ask("DELETE", "/py-1/maintenance")
    await reaches("py-1", "idle")
    await ask("PATCH", "/py-1/concurrency", { concurrency: 5 })
    await eventually("it says so", worker.output, (seen) => /Concurrency updated from 2 to 5/.test(seen), {
      seconds: 30
    })
    await ask("POST", "/py-1/shutdown")
    await reaches("py-1", "offline")
    expect(await ends(worker)).toBe(0)
  })

  it("is refused while another one of its name is active", async () => {
    const { reaches, variables } = await startCentral()
    startPython("twin", variables)
    await reaches("twin", "idle")
    const second = startPython("twin", variables)
    expect(await ends(second)).not.toBe(0)
    expect(second.output()).toMatch(/already active/)
    await reaches("twin", "idle")
  })

  it("is refused with other versions", async () => {
    const { variables } = await startCentral({ AIRFLOW__EDGE_CENTRAL__EDGE_PROVIDER_VERSION: "5.2.0" })
    const worker = startPython("old", variables)
    expect(await ends(worker)).not.toBe(0)
    expect(worker.output()).toMatch(/Version mismatch of Edge worker and Core\. Shutting down worker/)
  })
})
