/** lineReader: lines whole whatever the pieces they come in, and no more kept than allowed. */
import { describe, expect, it } from "vitest"
import { lineReader } from "../../src/platform/lineReader.ts"

const read = (pieces: ReadonlyArray<string | Buffer>, longest = 1000) => {
  const lines: Array<string> = []
  const reader = lineReader({ longest, onLine: (line) => lines.push(line) })
  for (const piece of pieces) reader.add(Buffer.from(piece))
  reader.end()
  return lines
}

describe("lineReader", () => {
  it("gives the same lines for every way to cut the bytes", () => {
    const bytes = Buffer.from("one\r\n\nzwölf €\nlast")
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(["one", "", "zwölf €", "last"])
    expect(read([...bytes].map((byte) => Buffer.of(byte)))).toEqual(["one", "", "zwölf €", "last"])
  })

  it("replaces what is not UTF-8", () => {
    expect(read([Buffer.of(0x61, 0xff, 0x0a)])).toEqual(["a\ufffd"])
  })

  it("makes several of a line that is too long, and cuts through no character", () => {
    const pieces = read(["x€€€", "€\n"], 5)
    expect(pieces.join("")).toBe("x€€€€")
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.join("")).not.toContain("\ufffd")
  })

  it("refuses a line that is too long once, and all that follows", () => {
    const lines: Array<string> = []
    let refused = 0
    const reader = lineReader({ longest: 4, onLine: (line) => lines.push(line), onLonger: () => refused++ })
    for (const piece of ["ok\n", "too long", " still\n", "next\n"]) reader.add(Buffer.from(piece))
    reader.end()
    expect([lines, refused]).toEqual([["ok"], 1])
  })
})
