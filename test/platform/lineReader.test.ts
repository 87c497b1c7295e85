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

  it("leaves out the rest of a line that is too long, through no character, for every way to cut the bytes", () => {
    const bytes = Buffer.from("x€€€€€\nnext\n€€€\r\n123456")
    const expected = ["x€", "next", "€", "12345"]
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)], 5)).toEqual(expected)
    expect(
      read(
        [...bytes].map((byte) => Buffer.of(byte)),
        5
      )
    ).toEqual(expected)
  })

  it("tells a line that is just as long as allowed whole, whatever ends it", () => {
    for (const end of ["\n", "\r\n", ""]) expect(read([`12345${end}`], 5)).toEqual(["12345"])
  })

  it("tells the kept part once, before the line ends", () => {
    const lines: Array<string> = []
    const reader = lineReader({ longest: 4, onLine: (line) => lines.push(line) })
    for (let piece = 0; piece < 10; piece++) reader.add(Buffer.from("too long"))
    expect(lines).toEqual(["too "])
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
