/** Each answer that a real Airflow gave to a worker in this suite decodes by our declaration of the Edge API. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { expect, test } from "vitest"
import type { Exchange } from "../../scripts/airflow/gateway.ts"
import {
  BadRequest,
  Conflict,
  Forbidden,
  NotFound,
  WorkerRegistrationReturn,
  WorkerSetStateReturn
} from "../../src/protocol/EdgeApi.ts"
import { Job } from "../../src/protocol/Job.ts"
import { site, trigger } from "./site.ts"
import { startWorker } from "./worker.ts"

const operations = [
  { name: "register", method: "POST", path: /^worker\//, schema: WorkerRegistrationReturn },
  { name: "heartbeat", method: "PATCH", path: /^worker\//, schema: WorkerSetStateReturn },
  { name: "fetch", method: "POST", path: /^jobs\/fetch\//, schema: Schema.NullOr(Job) },
  { name: "report", method: "PATCH", path: /^jobs\/state\//, schema: Schema.Null },
  { name: "push", method: "POST", path: /^logs\/push\//, schema: Schema.Null }
]
const errors = new Map<number, Schema.ConstraintDecoder<unknown>>([
  [400, BadRequest],
  [403, Forbidden],
  [404, NotFound],
  [409, Conflict]
])

const recorded = (): ReadonlyArray<Exchange> => {
  const folder = join(site.folder, "recorded")
  return readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .trim()
      .split("\n")
      // written by gateway.ts, a line an exchange
      .map((line) => JSON.parse(line) as Exchange)
  )
}

// so that this file alone has something to decode, too
test("a run, and a second worker of the same name that gets a 409, are recorded", async () => {
  const worker = await startWorker()
  await worker.reaches(["idle"])
  const run = await trigger("hello")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  await (await startWorker({ name: worker.name })).end()
})

test("every recorded answer decodes, and every operation was seen", () => {
  const seen = new Set<string>()
  const problems: Array<string> = []
  for (const exchange of recorded()) {
    const operation = operations.find((one) => one.method === exchange.method && one.path.test(exchange.path))
    const label = `${exchange.method} ${exchange.path}: ${exchange.status}`
    if (operation === undefined) {
      if (exchange.path !== "health") problems.push(`${label}: no such operation in our declaration`)
      continue
    }
    // a push for a callback gets 500 without JSON (edge3 5.1.0)
    if (exchange.status >= 500) continue
    const schema = exchange.status === 200 ? operation.schema : errors.get(exchange.status)
    if (schema === undefined) {
      problems.push(`${label}: a status that we do not declare`)
      continue
    }
    seen.add(exchange.status === 200 ? operation.name : `${operation.name} ${exchange.status}`)
    if (operation.name === "fetch" && exchange.response !== "null") seen.add("fetch with a job")
    const exit = Schema.decodeUnknownExit(Schema.fromJsonString(schema))(exchange.response)
    if (exit._tag === "Failure") problems.push(`${label}: ${exchange.response.slice(0, 300)}: ${exit.cause}`)
  }
  expect(problems).toEqual([])
  expect([...seen]).toEqual(
    expect.arrayContaining([
      "register",
      "heartbeat",
      "fetch",
      "fetch with a job",
      "report",
      "push",
      "register 409"
    ])
  )
})
