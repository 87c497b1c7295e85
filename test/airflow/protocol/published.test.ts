/** The committed facts about the Edge API are what the running site publishes. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { workerPart } from "../../protocol/openApiFacts.ts"
import { liveSite } from "./liveSite.ts"

test("the site publishes the fixture", async () => {
  const answer = await fetch(`${liveSite().url}/edge_worker/openapi.json`)
  expect(answer.status).toBe(200)
  const fixture = join(import.meta.dirname, "..", "..", "protocol", "fixtures", "edge-api-5.1.0.json")
  expect(workerPart(await answer.json())).toEqual(JSON.parse(readFileSync(fixture, "utf8")))
})
