/** Our own central's management API: the contract that a real Airflow keeps too, and what it says to a malformed body. */
import { describe, expect, it } from "@effect/vitest"
import { clientOf } from "../management/site.ts"
import { suite } from "../suites/management.ts"
import { adminToken, liveCentral, tokenOf } from "./liveCentral.ts"

const central = liveCentral()

suite("the management API of our own central", () => ({
  management: clientOf(central.url(), tokenOf(adminToken)),
  withToken: (token) => clientOf(central.url(), tokenOf(token)),
  asWorker: central.asWorker
}))

describe("what does not fit", () => {
  const send = async (method: string, path: string, body?: string) => {
    const answer = await fetch(new URL(`edge_worker/ui${path}`, central.url()), {
      method,
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body })
    })
    return { status: answer.status, json: Object(await answer.json()) }
  }

  // FastAPI looks at the body before it looks for the worker.
  it("is 422 with a detail, as FastAPI says it", async () => {
    for (const [method, path, body] of [
      ["POST", "/worker/nobody/maintenance", "{"],
      ["POST", "/worker/nobody/maintenance", "[]"],
      ["POST", "/worker/nobody/maintenance", "{}"],
      ["POST", "/worker/nobody/maintenance", undefined],
      ["PATCH", "/worker/nobody/maintenance", '{"maintenance_comment": 1}'],
      ["PATCH", "/worker/nobody/maintenance", '{"maintenance_comment": null}'],
      ["PATCH", "/worker/nobody/concurrency", '{"concurrency": 0}'],
      ["PATCH", "/worker/nobody/concurrency", '{"concurrency": 1.5}'],
      ["PATCH", "/worker/nobody/concurrency", '{"concurrency": "x"}'],
      ["GET", "/worker?state=asleep", undefined],
      ["GET", "/jobs?state=asleep", undefined]
    ] as const) {
      const { json, status } = await send(method, path, body)
      expect([method, path, body, status]).toEqual([method, path, body, 422])
      expect(Object.keys(json), `${path} ${body}`).toEqual(["detail"])
      expect(json.detail, `${path} ${body}`).not.toHaveLength(0)
    }
  })

  it("is 404 or 405 in JSON where there is no such route", async () => {
    expect((await send("GET", "/workers")).status).toBe(404)
    expect([404, 405]).toContain((await send("POST", "/worker")).status)
  })
})
