/** XComs: what tasks have left, found as Airflow finds it: by map index, by position, by Python's slice; pure. */
import type { XComRecord } from "./XComRecord.ts"

/** The one at a position, from the end where it is negative. */
export const itemAt = (xcoms: ReadonlyArray<XComRecord>, offset: number): XComRecord | undefined =>
  xcoms.at(offset)

/** Python's `values[start:stop:step]`; a step of 0 is none (Airflow 3.3.2, `routes/xcoms.py`). */
export const sliced = <A>(
  values: ReadonlyArray<A>,
  { start, step, stop }: { readonly start?: number; readonly stop?: number; readonly step?: number }
): ReadonlyArray<A> => {
  const by = step === undefined || step === 0 ? 1 : step
  const [lowest, highest] = by > 0 ? [0, values.length] : [-1, values.length - 1]
  const placed = (index: number | undefined, otherwise: number): number => {
    if (index === undefined) return otherwise
    const at = index < 0 ? index + values.length : index
    return Math.min(Math.max(at, lowest), highest)
  }
  const [first, last] = [placed(start, by > 0 ? lowest : highest), placed(stop, by > 0 ? highest : lowest)]
  const taken: Array<A> = []
  for (let at = first; by > 0 ? at < last : at > last; at += by) {
    const value = values[at]
    if (value !== undefined) taken.push(value)
  }
  return taken
}

/** The newest value, of whichever run. */
export const newest = (xcoms: ReadonlyArray<XComRecord>): XComRecord | undefined =>
  xcoms.toSorted((a, b) => b.storedAt - a.storedAt)[0]

/** Several runs' values: of each map index the newest one. */
export const newestOfEach = (xcoms: ReadonlyArray<XComRecord>): ReadonlyArray<XComRecord> => {
  const seen = new Set<number>()
  return xcoms.filter(({ map_index }) => !seen.has(map_index) && seen.add(map_index))
}
