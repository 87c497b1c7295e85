/** The journal's entries from any text: each is refused, or it is read as what it would be written as again. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { JournalEntry } from "../../src/platform/JournalStore.ts"
import * as Json from "../../src/protocol/Json.ts"
import { decodeEntry, encodeClaim, encodeReport } from "../../src/worker/JournalCodec.ts"
import { claimOf } from "../suites/journal.ts"
import { parameters } from "./fuzz.ts"

const claim = claimOf("one")
const { claimedAt, id, job } = claim
const key = { dag_id: "d", task_id: "t", run_id: "r", try_number: 1, map_index: -1 }
const trace = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true }
const real: ReadonlyArray<JournalEntry> = [
  { kind: "claim", id, value: encodeClaim({ claim, handle: { pid: 1, start: "12" }, ended: true }) },
  {
    kind: "claim",
    id,
    value: encodeClaim({ claim: { id, job, claimedAt, expires: 7 }, handle: undefined, ended: false })
  },
  {
    kind: "report",
    id: "3",
    value: encodeReport({
      id: 3,
      claimId: id,
      key,
      taskInstanceId: null,
      expires: null,
      state: "failed",
      trace
    })
  },
  { kind: "offset", id: "/logs/a", value: JSON.stringify({ path: "/logs/a", inode: "12", offset: 5 }) }
]

const kinds = fc.constantFrom<JournalEntry["kind"]>("claim", "report", "offset")
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.jsonValue().map((it) => JSON.stringify(it))
)

/** Another value somewhere within a value. */
const changed = (value: unknown, way: ReadonlyArray<number>, by: unknown, remove: boolean): unknown => {
  const [first, ...rest] = way
  if (first === undefined || typeof value !== "object" || value === null) return by
  const keys = Object.keys(value)
  const at = keys[first % Math.max(1, keys.length)]
  if (at === undefined) return by
  if (Array.isArray(value))
    return value.map((one, i) => (`${i}` === at ? changed(one, rest, by, remove) : one))
  const entries = Object.entries(value)
  return Object.fromEntries(
    rest.length === 0 && remove
      ? entries.filter(([name]) => name !== at)
      : entries.map(([name, one]) => [name, name === at ? changed(one, rest, by, remove) : one])
  )
}

const numbers = fc
  .constantFrom("1.0", "-0", "1e400", "9007199254740993", "1e21", "0.1", "-1")
  .map((digits) => Json.parse(digits))
const nearlyReal = fc
  .tuple(
    fc.constantFrom(...real),
    fc.array(fc.nat(30), { maxLength: 5 }),
    fc.oneof(fc.jsonValue(), numbers),
    fc.boolean()
  )
  .map(([entry, way, by, remove]) => ({
    ...entry,
    value: Json.stringify(changed(Json.parse(entry.value), way, by, remove)) ?? ""
  }))

const encodeAgain = (read: NonNullable<ReturnType<typeof decodeEntry>>): string => {
  switch (read._tag) {
    case "claim":
      return encodeClaim(read.open)
    case "report":
      return encodeReport(read.report)
    case "offset":
      return JSON.stringify(read.offset)
  }
}

describe("an entry of the journal", () => {
  const read = new Map<string, number>()
  const proper = ({ id, kind, value }: JournalEntry) => {
    const decoded = decodeEntry({ kind, id, value })
    read.set(decoded?._tag ?? "refused", (read.get(decoded?._tag ?? "refused") ?? 0) + 1)
    if (decoded === undefined) return
    assert.strictEqual(decoded._tag, kind)
    const text = encodeAgain(decoded)
    const again = decodeEntry({ kind, id, value: text })
    assert.isUndefined(decodeEntry({ kind, id: `${id}0`, value: text }))
    assert.isDefined(again)
    if (again !== undefined) assert.strictEqual(encodeAgain(again), text)
    if (decoded._tag === "claim") assert.notMatch(text, /"token":"[^"]/)
  }

  it("of any text", () => {
    fc.assert(
      fc.property(kinds, anyText, (kind, value) => proper({ kind, id: "1", value })),
      parameters(2000)
    )
  })

  it("that was real, with any part changed or gone", () => {
    for (const entry of real) assert.isDefined(decodeEntry(entry))
    read.clear()
    fc.assert(fc.property(nearlyReal, proper), parameters(3000))
    // Both happen often, or this shows nothing.
    for (const kind of ["claim", "report", "offset", "refused"]) assert.isAbove(read.get(kind) ?? 0, 10, kind)
  })
})
