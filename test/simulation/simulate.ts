/** simulate: one history from one seed. */

import { check, isSettled } from "./invariants.ts"
import type { Matrix } from "./matrix.ts"
import type { Defect } from "./SimWorker.ts"
import { World } from "./World.ts"

/** What came of a history. */
export interface Result {
  readonly seed: number
  readonly violations: ReadonlyArray<string>
  readonly history: ReadonlyArray<string>
  readonly matrix: Matrix
  readonly jobs: number
  readonly lives: number
  /** Claims whose answer reached no journal: the site's own rules take them up. */
  readonly lostClaims: number
  /** Texts that the site has and whose answer reached no journal. */
  readonly unsureTexts: number
  readonly virtualMillis: number
}

/** How long everything may take once all faults have stopped. */
const patience = 20 * 60_000

/** The same seed gives the same history. */
export const simulate = (seed: number, defect?: Defect): Result => {
  const world = new World(seed, defect)
  world.start()
  const limit = world.faults.until + patience
  while (!isSettled(world) && world.violations.length === 0 && world.time.step(limit));
  if (world.life !== undefined) world.life.dead = true
  check(world)
  const jobs = [...world.site.jobs.values()]
  return {
    seed,
    violations: world.violations,
    history: world.faults.history,
    matrix: world.faults.matrix,
    jobs: jobs.length,
    lives: world.lives,
    lostClaims: jobs.filter(({ excused }) => excused !== undefined).length,
    unsureTexts: jobs.flatMap(({ appends }) => appends).filter(({ kept }) => !kept).length,
    virtualMillis: world.time.now
  }
}

/** A failing history for a person. */
export const format = ({ history, seed, violations }: Result): string =>
  [`seed ${seed}:`, ...violations.map((what) => `  ${what}`), ...history.map((line) => `    ${line}`)].join(
    "\n"
  )
