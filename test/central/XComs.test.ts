/** Python's slices, as Python takes them. */
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { keyPath } from "../../src/central/keyPaths.ts"
import { sliced } from "../../src/central/XComs.ts"

/** By the definition in Python's reference: the indices `start + n * step` before the stop, both within the list. */
const reference = (length: number, start: number | undefined, stop: number | undefined, step: number) => {
  const within = (index: number, low: number, high: number) => Math.max(low, Math.min(high, index))
  const at = (index: number) => (index < 0 ? index + length : index)
  const from =
    step > 0
      ? start === undefined
        ? 0
        : within(at(start), 0, length)
      : start === undefined
        ? length - 1
        : within(at(start), -1, length - 1)
  const to =
    step > 0
      ? stop === undefined
        ? length
        : within(at(stop), 0, length)
      : stop === undefined
        ? -1
        : within(at(stop), -1, length - 1)
  return Array.from({ length }, (_, n) => from + n * step).filter((index) =>
    step > 0 ? index < to : index > to
  )
}

test("a slice is Python's", () => {
  const values = [0, 1, 2, 3, 4, 5]
  // printed by Python 3.11
  expect(sliced(values, { start: -3 })).toEqual([3, 4, 5])
  expect(sliced(values, { step: -1 })).toEqual([5, 4, 3, 2, 1, 0])
  expect(sliced(values, { start: 4, stop: -10, step: -2 })).toEqual([4, 2, 0])
  expect(sliced(values, { start: 10, stop: 1, step: -3 })).toEqual([5, 2])
  expect(sliced(values, { stop: -2, step: 3 })).toEqual([0, 3])
  expect(sliced(values, { start: 2, stop: 2 })).toEqual([])
  expect(sliced(values, { step: 0 })).toEqual(values)
  const index = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined })
  fc.assert(
    fc.property(
      fc.nat({ max: 7 }),
      index,
      index,
      fc.integer({ min: -4, max: 4 }),
      (length, start, stop, step) => {
        const range = {
          step,
          ...(start === undefined ? {} : { start }),
          ...(stop === undefined ? {} : { stop })
        }
        const list = Array.from({ length }, (_, n) => n)
        expect(sliced(list, range)).toEqual(reference(length, start, stop, step === 0 ? 1 : step))
      }
    )
  )
})

test("a name with slashes is one part of the path, and nothing else is touched", () => {
  for (const [method, url, routed] of [
    ["GET", "/execution/xcoms/d/r/t/a/b?x=/y", "/execution/xcoms/d/r/t/a%2Fb?x=/y"],
    ["GET", "/execution/xcoms/d/r/t/a/b/slice?step=1", "/execution/xcoms/d/r/t/a%2Fb/slice?step=1"],
    ["GET", "/execution/xcoms/d/r/t/a/b/item/-1", "/execution/xcoms/d/r/t/a%2Fb/item/-1"],
    ["POST", "/execution/xcoms/d/r/t/a/slice", "/execution/xcoms/d/r/t/a%2Fslice"],
    ["GET", "/execution/xcoms/d/r/t/slice", "/execution/xcoms/d/r/t/slice"],
    ["PUT", "/execution/variables/a/b/c", "/execution/variables/a%2Fb%2Fc"],
    ["GET", "/execution/variables/keys?prefix=a/b", "/execution/variables/keys?prefix=a/b"],
    ["GET", "/execution/store/ti/id/a/b", "/execution/store/ti/id/a%2Fb"],
    ["DELETE", "/execution/store/ti/id", "/execution/store/ti/id"],
    ["GET", "/edge_worker/v1/variables/a/b", "/edge_worker/v1/variables/a/b"],
    ["GET", "/execution/dags/a/b", "/execution/dags/a/b"]
  ] as const)
    expect(keyPath(method, url)).toBe(routed)
})
