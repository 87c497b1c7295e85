/** The committed facts about the Edge API are what the running site publishes. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { managementOperations, partOf } from "../../protocol/openApiFacts.ts"
import { liveSite } from "./liveSite.ts"

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, "..", "..", "protocol", "fixtures", name), "utf8"))

test("the site publishes the fixtures", async () => {
  const answer = await fetch(`${liveSite().url}/edge_worker/openapi.json`)
  expect(answer.status).toBe(200)
  const document: unknown = await answer.json()
  expect(partOf(document)).toEqual(fixture("edge-api-5.1.0.json"))
  expect(partOf(document, "/ui", managementOperations)).toEqual(fixture("management-api-5.1.0.json"))
})
