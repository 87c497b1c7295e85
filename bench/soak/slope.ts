/** slope: how fast something grows, by least squares, and how sure that is. */

/** A value at a moment; milliseconds. */
export interface Point {
  readonly at: number
  readonly value: number
}

/** A growth an hour with its standard error. */
export interface Slope {
  readonly perHour: number
  readonly error: number
}

/**
 * The least of each block of time. What jobs under way hold comes and goes within a block; what is never given back lifts
 * its floor. Values that follow each other closely are alike, and a fit over them would count itself far too sure; floors
 * of blocks are nearly independent.
 */
export const floors = (points: ReadonlyArray<Point>, blockMillis: number): ReadonlyArray<Point> => {
  const blocks = new Map<number, Point>()
  for (const point of points) {
    const block = Math.floor(point.at / blockMillis)
    const least = blocks.get(block)
    if (least === undefined || point.value < least.value) blocks.set(block, point)
  }
  return [...blocks.values()]
}

/** Least squares; undefined for fewer than three moments, which fit any line. */
export const leastSquares = (points: ReadonlyArray<Point>): Slope | undefined => {
  const count = points.length
  const sum = (value: (point: Point) => number) => points.reduce((all, point) => all + value(point), 0)
  const [time, level] = [sum(({ at }) => at) / count, sum(({ value }) => value) / count]
  const spread = sum(({ at }) => (at - time) ** 2)
  if (count < 3 || spread === 0) return undefined
  const slope = sum(({ at, value }) => (at - time) * (value - level)) / spread
  const rest = sum(({ at, value }) => (value - level - slope * (at - time)) ** 2)
  const hour = 3_600_000
  return { perHour: slope * hour, error: Math.sqrt(rest / (count - 2) / spread) * hour }
}

/** True where the growth is above the limit beyond doubt: two standard errors. */
export const exceeds = ({ error, perHour }: Slope, limit: number): boolean => perHour - 2 * error > limit
