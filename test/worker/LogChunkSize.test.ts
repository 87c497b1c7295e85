/** LogChunkSize: what a 413 teaches, and how it is forgotten. */
import { describe, expect, it } from "vitest"
import * as LogChunkSize from "../../src/worker/LogChunkSize.ts"

describe("LogChunkSize", () => {
  const start = LogChunkSize.initial(1_000)

  it("is the setting until a gateway says no", () => {
    expect(LogChunkSize.current(start, 0)).toBe(1_000)
    expect(LogChunkSize.current(start, 1e12)).toBe(1_000)
  })

  it("halves, and not below one byte", () => {
    expect(LogChunkSize.current(LogChunkSize.tooLarge(start, 900, 5), 5)).toBe(450)
    expect(LogChunkSize.current(LogChunkSize.tooLarge(start, 1, 5), 5)).toBe(1)
  })

  it("falls back to what was accepted, unless that is refused now", () => {
    const learned = LogChunkSize.accepted(start, 800)
    expect(LogChunkSize.current(LogChunkSize.tooLarge(learned, 1_000, 5), 5)).toBe(800)
    expect(LogChunkSize.current(LogChunkSize.tooLarge(learned, 800, 5), 5)).toBe(400)
    const smaller = LogChunkSize.accepted(learned, 100)
    expect(LogChunkSize.current(LogChunkSize.tooLarge(smaller, 1_000, 5), 5)).toBe(800)
  })

  it("grows by a quarter every five minutes, up to the setting", () => {
    const at = 1_700_000_000_000
    const cut = LogChunkSize.tooLarge(start, 800, at)
    expect(LogChunkSize.current(cut, at + 299_999)).toBe(400)
    expect(LogChunkSize.current(cut, at + 300_000)).toBe(500)
    expect(LogChunkSize.current(cut, at + 600_000)).toBe(625)
    expect(LogChunkSize.current(cut, at + 86_400_000)).toBe(1_000)
  })
})
