/** The committed facts about the Edge API are what the running site publishes. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { executionDocument, executionOperations } from "../../protocol/executionOperations.ts"
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

test("the site publishes the Execution API of the fixture", async () => {
  // uncompressed it is shorter than its Content-Length says (3.3.2); fetch asks for compression
  const answer = await fetch(`${liveSite().url}/execution/openapi.json?version=2026-06-30`)
  expect(answer.status).toBe(200)
  const text = await answer.text()
  expect(partOf(JSON.parse(text), "", executionOperations(text))).toEqual(JSON.parse(executionDocument()))
})
