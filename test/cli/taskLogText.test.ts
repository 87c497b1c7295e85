/** A line of a task's log as a person gets to see it. */
import { assert, it } from "@effect/vitest"
import { shownLine } from "../../src/cli/taskLogText.ts"

const line = (fields: object) => JSON.stringify({ timestamp: "2026-01-31T10:00:00.000000Z", ...fields })
const time = new Date("2026-01-31T10:00:00Z").toTimeString().slice(0, 8)

it("a line is a time and a text, an error is marked, and what is no JSON is shown as it is", () => {
  assert.strictEqual(shownLine(line({ level: "info", event: "hello", logger: "x" })), `${time}  hello`)
  assert.strictEqual(shownLine(line({ event: "hello" })), `${time}  hello`)
  assert.strictEqual(shownLine(line({ level: "error", event: "no" })), `${time}  ! no`)
  assert.strictEqual(shownLine(line({ level: "info", event: "x", timestamp: "?" })), "          x")
  assert.strictEqual(shownLine("[2026-01-31] plain"), "[2026-01-31] plain")
  assert.strictEqual(shownLine('{"event": 3}'), '{"event": 3}')
})

it("nothing in it steers a terminal", () => {
  assert.strictEqual(shownLine(line({ event: "a\u001b[2Jb\u009bc\r" })), `${time}  a\\x1b[2Jb\\x9bc\\x0d`)
  assert.strictEqual(shownLine("\u001b]0;title\u0007"), "\\x1b]0;title\\x07")
})
