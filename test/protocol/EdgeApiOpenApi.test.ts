/** Our Edge API says of each operation of a worker what a real Airflow publishes, up to the listed differences. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as OpenApi from "effect/http-api/OpenApi"
import { expect, test } from "vitest"
import { EdgeApi } from "../../src/protocol/EdgeApi.ts"
import { differences } from "./differences.ts"
import { facts, workerOperations } from "./openApiFacts.ts"

const fixture: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures", "edge-api-5.1.0.json"), "utf8")
)
const published = facts(fixture, "/v1")
const ours = facts(OpenApi.fromApi(EdgeApi))

const without = (some: ReadonlyArray<string>, others: ReadonlyArray<string>) =>
  some.filter((fact) => !others.includes(fact))

test("every operation of a worker is in both, and we declare no other", () => {
  const operations = workerOperations.map(([method, path]) => `${method.toUpperCase()} ${path}`)
  for (const operation of operations) {
    expect(published).toContain(operation)
    expect(ours).toContain(operation)
  }
  const declared = Object.entries(OpenApi.fromApi(EdgeApi).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  )
  expect(declared.sort()).toEqual(operations.sort())
})

test("what only Airflow says is listed, and nothing else is", () => {
  const listed = differences.flatMap((difference) => difference.published ?? [])
  expect(without(published, ours)).toEqual(listed.sort())
})

test("what only we say is listed, and nothing else is", () => {
  const listed = differences.flatMap((difference) => difference.ours ?? [])
  expect(without(ours, published)).toEqual(listed.sort())
})

test("a changed property, requirement, parameter, status or operation is seen", () => {
  const told = JSON.stringify(fixture)
  const changes: ReadonlyArray<readonly [string, string]> = [
    ['"free_concurrency"', '"free_slots"'],
    ['"required":["dag_id","task_id","run_id",', '"required":["dag_id","run_id",'],
    [
      '"name":"authorization","in":"header","required":true',
      '"name":"authorization","in":"header","required":false'
    ],
    ['"409":', '"410":'],
    ['"type":"string"', '"type":"integer"'],
    ['{"type":"null"}', '{"type":"boolean"}'],
    ['"/v1/health"', '"/v1/healthy"'],
    ['"offline maintenance"', '"offline for ever"']
  ]
  for (const [from, to] of changes) {
    expect(told).toContain(from)
    expect(facts(JSON.parse(told.replace(from, to)), "/v1"), `${from} became ${to}`).not.toEqual(published)
  }
})
