/** The real `airflow edge status|maintenance|stop` of edge3 work against the worker. */
import { expect, test } from "vitest"
import { pythonEdge, startWorker } from "./worker.ts"

const lastJson = (text: string): unknown =>
  JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1))

test("airflow edge status prints the worker's status", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  const { code, stdout, stderr } = await pythonEdge(worker, "status")
  expect(code, stderr).toBe(0)
  expect(lastJson(stdout)).toMatchObject({
    job_count: 0,
    jobs: [],
    state: "idle",
    maintenance: false,
    drain: false
  })
})

test("airflow edge maintenance on and off reach the worker and the site", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  const on = await pythonEdge(worker, "maintenance", "on", "-c", "changed by hand", "-w")
  expect(on.code, on.stderr).toBe(0)
  const row = await worker.reaches(["maintenance mode"])
  expect(row.maintenance_comments).toContain("put node into maintenance mode via cli")
  expect(row.maintenance_comments).toContain("Comment: changed by hand")
  const off = await pythonEdge(worker, "maintenance", "off", "-w")
  expect(off.code, off.stderr).toBe(0)
  await worker.reaches(["idle"])
})

test("airflow edge stop ends the worker", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  const { code, stderr } = await pythonEdge(worker, "stop", "-w")
  expect(code, stderr).toBe(0)
  expect(await worker.end()).toEqual({ code: 0, signal: null })
  await worker.reaches(["offline"])
})
