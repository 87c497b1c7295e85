/** decodeLog against CPython itself, on random bytes cut at every point. Needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */

import { execFileSync } from "node:child_process"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeLog } from "../../../src/worker/LogChunks.ts"

const script = `
import json, sys
for line in sys.stdin:
    text = bytes.fromhex(line.strip()).decode(errors="backslashreplace").replace("\\x00", "\\ufffd")
    sys.stdout.write(json.dumps(text) + "\\n")
`

/** One sample of each kind of byte that UTF-8 tells apart. */
const kinds = [
  0x00, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
  0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff
]

describe("decodeLog and Python", () => {
  it("agree on every triple of kinds, and on random bytes cut at every point", { timeout: 60_000 }, () => {
    const python = process.env["EDGE_WORKER_TEST_AIRFLOW_PYTHON"]
    expect(python, "EDGE_WORKER_TEST_AIRFLOW_PYTHON must name a Python").toBeTruthy()
    const triples = kinds.flatMap((a) => kinds.flatMap((b) => kinds.map((c) => new Uint8Array([a, b, c]))))
    const fours = kinds.flatMap((b) =>
      kinds.flatMap((c) => [0xe0, 0xf0, 0xf4].map((a) => new Uint8Array([a, b, c, 0x80])))
    )
    const random = fc
      .sample(
        fc.oneof(
          fc.uint8Array({ maxLength: 24 }),
          fc.array(fc.constantFrom(...kinds), { maxLength: 24 }).map((b) => new Uint8Array(b)),
          fc.string({ unit: "binary", maxLength: 12 }).map((s) => new Uint8Array(Buffer.from(s)))
        ),
        {
          numRuns: 3_000,
          seed: 20_260_101
        }
      )
      .flatMap((bytes) =>
        Array.from({ length: bytes.length + 1 }, (_, at) => [
          bytes.subarray(0, at),
          bytes.subarray(at)
        ]).flat()
      )
    const samples = [...triples, ...fours, ...random]
    const input = samples.map((bytes) => Buffer.from(bytes).toString("hex")).join("\n")
    const output = execFileSync(python ?? "", ["-c", script], { input: `${input}\n`, maxBuffer: 1 << 28 })
    const expected: ReadonlyArray<unknown> = output
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(expected.length).toBe(samples.length)
    const wrong = samples.flatMap((bytes, i) =>
      decodeLog(bytes) === expected[i]
        ? []
        : [[Buffer.from(bytes).toString("hex"), decodeLog(bytes), expected[i]]]
    )
    expect(wrong).toEqual([])
  })
})
