/** random: numbers from a seed (mulberry32), and how one picks with them. */

export interface Random {
  /** From 0 up to 1. */
  readonly next: () => number
  readonly between: (least: number, most: number) => number
  readonly pick: <A>(of: ReadonlyArray<A>) => A
}

export const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const pick = <A>(of: ReadonlyArray<A>): A => {
    const one = of[Math.floor(next() * of.length)]
    if (one === undefined) throw new Error("nothing to pick from")
    return one
  }
  return { next, pick, between: (least, most) => least + next() * (most - least) }
}
