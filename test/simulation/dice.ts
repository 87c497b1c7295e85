/** dice: the simulation's own random numbers, all from one seed. */

/** Draws for everything that is not the worker. */
export interface Dice {
  /** From 0 to 1. */
  readonly next: () => number
  readonly chance: (probability: number) => boolean
  readonly between: (least: number, most: number) => number
  readonly whole: (least: number, most: number) => number
  readonly one: <A>(choices: ReadonlyArray<A>) => A
}

/** Mulberry32: the same numbers on every machine. */
export const diceOf = (seed: number): Dice => {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    chance: (probability) => next() < probability,
    between: (least, most) => least + next() * (most - least),
    whole,
    one: (choices) => choices[whole(0, choices.length - 1)] as (typeof choices)[number]
  }
}
