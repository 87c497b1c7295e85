/** figures: medians, ratios and the page that shows them. */

/** One row: what was measured, in which unit, and each contender's samples. Less is better in all of them. */
export interface Row {
  readonly what: string
  readonly unit: string
  readonly ours: ReadonlyArray<number>
  readonly python: ReadonlyArray<number>
  /** Ours is to be at most this. */
  readonly goal?: { readonly ratio?: number; readonly value?: number }
}

export const median = (samples: ReadonlyArray<number>): number => {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

const shown = (samples: ReadonlyArray<number>) => {
  const digits = median(samples) < 10 ? 2 : median(samples) < 100 ? 1 : 0
  const text = (n: number) => n.toFixed(digits)
  return samples.length < 2
    ? text(median(samples))
    : `${text(median(samples))} (${text(Math.min(...samples))}–${text(Math.max(...samples))})`
}

const verdict = (row: Row): string => {
  if (row.goal === undefined) return ""
  const ours = median(row.ours)
  const met =
    row.goal.value === undefined ? ours / median(row.python) <= (row.goal.ratio ?? 1) : ours <= row.goal.value
  const goal = row.goal.value === undefined ? `≤ ${row.goal.ratio} ×` : `≤ ${row.goal.value} ${row.unit}`
  return `${goal}: ${met ? "met" : "**missed**"}`
}

/** The rows as a table in Markdown. */
export const table = (rows: ReadonlyArray<Row>): string =>
  [
    "| | unit | edge-worker | Python worker | ratio | goal |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => {
      const ratio = (median(row.ours) / median(row.python)).toFixed(2)
      return `| ${row.what} | ${row.unit} | ${shown(row.ours)} | ${shown(row.python)} | ${ratio} | ${verdict(row)} |`
    })
  ].join("\n")
