/** Our Execution API says of each operation what Airflow publishes, up to the listed differences. */
import * as OpenApi from "effect/http-api/OpenApi"
import { expect, test } from "vitest"
import { ExecutionApi } from "../../src/protocol/ExecutionApi.ts"
import type { Difference } from "./differences.ts"
import { executionDocument, executionOperations } from "./executionOperations.ts"
import { facts } from "./openApiFacts.ts"
import { plainApi } from "./plainApi.ts"

const document = executionDocument()
const operations = executionOperations(document)
const published = (text: string) => facts(JSON.parse(text), "", operations)
const ours = facts(OpenApi.fromApi(plainApi(ExecutionApi)), "", operations)

const json = "array of anything or boolean or integer or map of anything or null or number or string"

/**
 * What differs everywhere, made equal: a query has texts and no null; JSON is anything; the shape of errors is told for
 * few, and ours have a tag inside our programs; the version's header and the tokens are middlewares of ours.
 */
const comparable = (all: ReadonlyArray<string>) => {
  const some = all
    .filter((fact) => !/ (?:undefined|header) parameter |\._tag: | -> 40[13]\b/.test(fact))
    .map((fact) => {
      const refusal = /^(.* -> 4\d\d)[ :]/.exec(fact)?.[1]
      if (refusal !== undefined) return refusal
      if (/ (?:query|path) parameter /.test(fact))
        return fact
          .replace(/\bnull or | or null\b/, "")
          .replace(/: (?:integer|boolean|one of "false" "true")/, ": string")
      return fact.replaceAll(json, "anything")
    })
  return [...new Set(some)].sort()
}

const state = "PATCH /task-instances/{task_instance_id}/state body application/json"
const xcom = "/xcoms/{dag_id}/{run_id}/{task_id}/{key}"
const events = "GET /asset-events/by-asset"
const previous = "GET /task-instances/previous/{dag_id}/{task_id} -> 200 application/json"

const differences: ReadonlyArray<Difference> = [
  {
    reason:
      "the states between are published, but the API refuses them all: those of them that it takes have bodies of their own",
    published: [
      `${state}<scheduled>.state: one of "awaiting_input" "deferred" "queued" "restarting" "scheduled" "up_for_reschedule" "up_for_retry"`
    ]
  },
  {
    reason: "a number with a fraction of nothing, as Python writes it, is no JavaScript number in exact JSON",
    published: [
      `${state}<up_for_retry>.retry_delay_seconds: null or number, optional`,
      `${previous}.duration: null or number, optional`
    ],
    ours: [
      `${state}<up_for_retry>.retry_delay_seconds: anything or null or number, optional`,
      `${previous}.duration: anything or null or number, optional`
    ]
  },
  {
    reason: "a value that is left out is null; we always send one",
    published: [`POST ${xcom} body application/json: anything, optional`],
    ours: [`POST ${xcom} body application/json: anything`]
  },
  {
    reason: "the answer to HEAD has no body; the count is in its header",
    published: [`HEAD ${xcom} -> 200 application/json: anything`],
    ours: [`HEAD ${xcom} -> 200: no body`]
  },
  {
    reason: "one of both is enough (`routes/asset_events.py`), though both are published as required",
    published: [`${events} query parameter name: string`, `${events} query parameter uri: string`],
    ours: [
      `${events} query parameter name: string, optional`,
      `${events} query parameter uri: string, optional`
    ]
  },
  {
    reason: "these are answered (`routes/xcoms.py`, `routes/asset_events.py`), and published nowhere",
    ours: [`POST ${xcom} -> 400`, `HEAD ${xcom} -> 400`, `${events} -> 400`]
  },
  { reason: "nothing can be wrong with a health check", published: ["GET /health -> 422"] }
]

const without = (some: ReadonlyArray<string>, others: ReadonlyArray<string>) =>
  some.filter((fact) => !others.includes(fact))

const theirs = comparable(published(document))

test("what only Airflow says is listed, and nothing else is", () => {
  const listed = differences.flatMap((difference) => difference.published ?? [])
  expect(without(theirs, comparable(ours))).toEqual(listed.sort())
})

test("what only we say is listed, and nothing else is", () => {
  const listed = differences.flatMap((difference) => difference.ours ?? [])
  expect(without(comparable(ours), theirs)).toEqual(listed.sort())
})

test("each operation is declared, no other is, and all but the health check want a token", () => {
  const { paths } = OpenApi.fromApi(ExecutionApi)
  const declared = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const told = JSON.stringify(operation)
      const guarded = /"security":\[\{/.test(told) && /"401":/.test(told) && /"403":/.test(told)
      expect(guarded, path).toBe(path !== "/health")
      return `${method} ${path}`
    })
  )
  expect(declared.sort()).toEqual(operations.map((operation) => operation.join(" ")).sort())
})

test("a changed property, parameter, status or state is seen", () => {
  const changes: ReadonlyArray<readonly [string, string]> = [
    ['"xcom_keys_to_clear"', '"xcom_keys"'],
    ['"unixname"', '"user"'],
    ['"include_prior_dates"', '"prior"'],
    ['"410"', '"411"'],
    ['"up_for_reschedule"', '"rescheduled"'],
    ['"retry_reason"', '"reason"'],
    ['"val"', '"value"']
  ]
  for (const [from, to] of changes) {
    expect(document).toContain(from)
    const changed = comparable(published(document.replaceAll(from, to)))
    expect(changed, `${from} became ${to}`).not.toEqual(theirs)
  }
})
