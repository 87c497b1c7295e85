import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { getBoolean, getFloat, getInt, getOctal, plainInt } from "../../src/config/PythonText.ts"

const no = undefined
/** Text -> what Airflow 3.3.2's getint, getfloat and getboolean return; `no`: it refuses. */
const table: ReadonlyArray<readonly [string, number | undefined, number | undefined, boolean | undefined]> = [
  ["30", 30, 30, no],
  [" 30\n", 30, 30, no],
  ["30.5", no, 30.5, no],
  ["0x10", no, no, no],
  ["1_000", 1000, 1000, no],
  ["1__0", no, no, no],
  ["1e3", 1000, 1000, no],
  ["1e-1", no, 0.1, no],
  ["5.", 5, 5, no],
  [".5", no, 0.5, no],
  ["+5", 5, 5, no],
  ["-0", 0, -0, no],
  ["1e400", no, no, no],
  ["30 # x", no, no, no],
  ["", no, no, no],
  ["1", 1, 1, true],
  ["0", 0, 0, false],
  ["True", no, no, true],
  ["T", no, no, true],
  [" f # no", no, no, false],
  ["yes", no, no, no],
  ["on", no, no, no]
]

describe("Airflow's getters", () => {
  for (const [text, int, float, boolean] of table) {
    it(JSON.stringify(text), () => {
      assert.strictEqual(Option.getOrUndefined(getInt(text)), int)
      assert.strictEqual(Option.getOrUndefined(getFloat(text)), float)
      assert.strictEqual(Option.getOrUndefined(getBoolean(text)), boolean)
    })
  }
  it("int() knows no float", () => assert.isTrue(Option.isNone(plainInt("1e3"))))
  it("int(x, 8)", () => {
    for (const text of ["077", "0o077", "77", " 0O77 ", "7_7"])
      assert.deepStrictEqual(getOctal(text), Option.some(0o77))
    for (const text of ["", "8", "-1", "0x1", "0o", "7.0"]) assert.isTrue(Option.isNone(getOctal(text)), text)
  })
})
