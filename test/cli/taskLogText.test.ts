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

it("what a line has beside its text is there, but for what all of them have", () => {
  const usual = { logger: "task", ti_id: "id", dag_id: "d", run_id: "r", task_id: "t", try_number: 1 }
  const more = { rows: 3, name: "Ada", said: "a b", by: { a: ["=", null] }, none: null }
  assert.strictEqual(
    shownLine(line({ level: "info", event: "read", ...usual, map_index: -1, ...more })),
    `${time}  read rows=3 name=Ada said="a b" by={"a":["=",null]}`
  )
})

const stack = (type: string, changes: object = {}) => ({
  ...{ exc_type: type, exc_value: "no luck", exc_notes: [], syntax_error: null, is_cause: false },
  ...{ frames: [], is_group: false, exceptions: [], ...changes }
})

it("an error is shown with the place where it happened first, its notes, its causes and its parts", () => {
  const frames = Array.from({ length: 12 }, (_, at) => ({ filename: "f.ts", lineno: at, name: `f${at}` }))
  const part = [stack("Part", { exc_value: "one\u001b[2J" })]
  const detail = [
    stack("Many", { exc_notes: ["a note"], frames, exceptions: [part] }),
    stack("First", { is_cause: true })
  ]
  assert.deepStrictEqual(
    shownLine(line({ level: "error", event: "failed", error_detail: detail })).split("\n"),
    [
      `${time}  ! failed`,
      "  Many: no luck",
      "    a note",
      ...[11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map((at) => `    at f${at} (f.ts:${at})`),
      "    … 2 more",
      "    Part: one\\x1b[2J",
      "  caused by First: no luck"
    ]
  )
})

it("what is no error of Airflow's form is shown too, and what is nested too deep is not", () => {
  const told = (error_detail: unknown) => shownLine(line({ event: "x", error_detail }))
  assert.strictEqual(told("one\ntwo"), `${time}  x\none\ntwo`)
  assert.strictEqual(told({ a: 1 }), `${time}  x\n{"a":1}`)
  assert.strictEqual(told([1, null]), `${time}  x\n[1,null]`)
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
  const head = '{"timestamp":"2026-01-31T10:00:00Z","event":"x",'
  assert.strictEqual(shownLine(`${head}"y":${deep}}`), `${time}  x y=(nested too deep to be shown)`)
  const errors = `[{"exc_type":${deep},"frames":[${deep}],"exceptions":${deep}}]`
  assert.include(shownLine(`${head}"error_detail":${errors}}`), "(nested too deep to be shown): ")
})
