/** The gateway of the tests keeps count of what it could not answer, whatever it did to the network meanwhile. */
import http from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, expect, test } from "vitest"
import { openGateway } from "../../scripts/airflow/gateway.ts"

const got: Array<string> = []
let heard = () => {}
const site = http.createServer((request, response) => {
  request.resume().once("end", () => {
    got.push(request.url ?? "")
    response.end("{}")
    heard()
  })
})
await new Promise<void>((done) => site.listen(0, "127.0.0.1", done))
const gateway = await openGateway(`http://127.0.0.1:${(site.address() as AddressInfo).port}`)
afterAll(async () => {
  await gateway.close()
  site.close()
})

test("a request whose sender dies while the network hangs arrives later, and is unanswered", async () => {
  const path = "logs/push/dag/task/run/1/-1"
  gateway.freeze()
  const asked = http.request(`${gateway.url}/edge_worker/v1/${path}`, { method: "POST" })
  asked.on("error", () => {})
  asked.end("text")
  await expect.poll(() => gateway.requests()).toBe(1)
  asked.destroy()
  await expect.poll(() => gateway.unanswered.map((each) => each.path)).toEqual([path])
  const arrived = new Promise<void>((done) => {
    heard = done
  })
  gateway.thaw()
  await arrived
  expect(got).toEqual([`/edge_worker/v1/${path}`])
  expect(gateway.unanswered).toHaveLength(1)
})
