/** LogChunks: the text of a log, and where it is cut. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cutChunk, decodeLog } from "../../src/worker/LogChunks.ts"

/** Bytes as hexadecimal digits, and what CPython 3.11 prints for them: the function stands at `cutChunk`. */
const golden: ReadonlyArray<readonly [hex: string, text: string]> = [
  ["", ""],
  ["48656c6c6f0a", "Hello\n"],
  ["c3a9", "\u00e9"],
  ["e282ac", "\u20ac"],
  ["f09f9880", "\ud83d\ude00"],
  ["00", "\ufffd"],
  ["610062", "a\ufffdb"],
  ["c280", "\u0080"],
  ["dfbf", "\u07ff"],
  ["e0a080", "\u0800"],
  ["80", "\\x80"],
  ["ff", "\\xff"],
  ["c3", "\\xc3"],
  ["c328", "\\xc3("],
  ["c0af", "\\xc0\\xaf"],
  ["c1bf", "\\xc1\\xbf"],
  ["e080af", "\\xe0\\x80\\xaf"],
  ["e08080", "\\xe0\\x80\\x80"],
  ["eda080", "\\xed\\xa0\\x80"],
  ["edbfbf", "\\xed\\xbf\\xbf"],
  ["ed9fbf", "\ud7ff"],
  ["ee8080", "\ue000"],
  ["f0808080", "\\xf0\\x80\\x80\\x80"],
  ["f08fbfbf", "\\xf0\\x8f\\xbf\\xbf"],
  ["f0908080", "\ud800\udc00"],
  ["f48fbfbf", "\udbff\udfff"],
  ["f4908080", "\\xf4\\x90\\x80\\x80"],
  ["f5808080", "\\xf5\\x80\\x80\\x80"],
  ["e282", "\\xe2\\x82"],
  ["e28228", "\\xe2\\x82("],
  ["f09f98", "\\xf0\\x9f\\x98"],
  ["f09f9828", "\\xf0\\x9f\\x98("],
  ["f09f28", "\\xf0\\x9f("],
  ["f0", "\\xf0"],
  ["e2c3a9", "\\xe2\u00e9"],
  ["efbbbf41", "\ufeffA"],
  ["efbfbe", "\ufffe"],
  ["fc80808080", "\\xfc\\x80\\x80\\x80\\x80"],
  ["5c783830", "\\x80"],
  ["c3a9ffc3a9", "\u00e9\\xff\u00e9"],
  ["bff0908080", "\\xbf\ud800\udc00"],
  ["e2e282ac", "\\xe2\u20ac"],
  ["0a0d095c2208", '\n\r\t\\"\b'],
  ["f0e282ac", "\\xf0\u20ac"],
  ["c2", "\\xc2"]
]

/** Bytes that are often text, often nearly so. */
const logBytes = fc
  .array(
    fc.oneof(
      fc
        .constantFrom(
          "a",
          "\n",
          "\t",
          '"',
          "\\",
          "\0",
          "\x01",
          "\x7f",
          "é",
          "€",
          "😀",
          "\ufeff",
          "\ud7ff",
          "\ue000"
        )
        .map((text) => Buffer.from(text)),
      fc
        .constantFrom("c3", "e282", "f09f98", "c0af", "eda080", "f08080", "f4908080", "80", "ff")
        .map((hex) => Buffer.from(hex, "hex")),
      fc.uint8Array({ maxLength: 5 })
    ),
    { maxLength: 60 }
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)))

const jsonSize = (text: string) => Buffer.byteLength(JSON.stringify(text))

/** What a follower does who sees the bytes arrive in the given portions. */
const follow = (bytes: Uint8Array, portions: ReadonlyArray<number>, limit: number): ReadonlyArray<string> => {
  const chunks: Array<string> = []
  let at = 0
  let seen = 0
  for (const portion of [...portions, bytes.length]) {
    seen = Math.min(bytes.length, seen + portion)
    const end = seen === bytes.length
    while (at < seen) {
      const chunk = cutChunk(bytes.subarray(at, seen), limit, end)
      if (chunk.consumed === 0) break
      chunks.push(chunk.text)
      at += chunk.consumed
    }
  }
  return chunks
}

describe("LogChunks", () => {
  it.each(golden)("decodes %s as Python does", (hex, text) => {
    expect(decodeLog(Buffer.from(hex, "hex"))).toBe(text)
  })

  it("joins to the whole text wherever the bytes are cut, and no chunk is over the limit", () => {
    fc.assert(
      fc.property(
        logBytes,
        fc.array(fc.nat({ max: 9 }), { maxLength: 60 }),
        fc.integer({ min: 8, max: 60 }),
        (bytes, portions, limit) => {
          const chunks = follow(bytes, portions, limit)
          expect(chunks.join("")).toBe(decodeLog(bytes))
          for (const chunk of chunks) {
            expect(jsonSize(chunk)).toBeLessThanOrEqual(limit)
            expect(chunk.isWellFormed()).toBe(true)
            expect(chunk).not.toContain("\0")
          }
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it("knows the size of each chunk as JSON", () => {
    fc.assert(
      fc.property(logBytes, (bytes) => {
        const chunk = cutChunk(bytes, 40, true)
        expect(chunk.size).toBe(jsonSize(chunk.text))
      }),
      { numRuns: 2_000 }
    )
  })

  it("fills the limit to the last byte", () => {
    expect(cutChunk(Buffer.from("abcdefgh"), 7, false)).toEqual({ text: "abcde", consumed: 5, size: 7 })
    expect(cutChunk(Buffer.from('a"""'), 7, false)).toEqual({ text: 'a""', consumed: 3, size: 7 })
  })

  it("takes one character where not even that fits", () => {
    expect(cutChunk(Buffer.from("😀😀"), 1, false).text).toBe("😀")
    expect(cutChunk(Buffer.from([0xff, 0xff]), 1, false).text).toBe("\\xff")
  })

  it("waits for the rest of a character, and only for that", () => {
    expect(cutChunk(Buffer.from("c3", "hex"), 99, false).consumed).toBe(0)
    expect(cutChunk(Buffer.from("61f09f98", "hex"), 99, false)).toMatchObject({ text: "a", consumed: 1 })
    expect(cutChunk(Buffer.from("e080", "hex"), 99, false)).toMatchObject({ text: "\\xe0\\x80", consumed: 2 })
    expect(cutChunk(Buffer.from("c3", "hex"), 99, true)).toMatchObject({ text: "\\xc3", consumed: 1 })
  })
})
