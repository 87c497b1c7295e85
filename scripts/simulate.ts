/** simulate: the real worker through thousands of seeded histories of faults; prints which fault hit which step. */
import { parseArgs } from "node:util"
import { Matrix } from "../test/simulation/matrix.ts"
import { format, simulate } from "../test/simulation/simulate.ts"

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "2000" }, from: { type: "string", default: "0" } }
})
const [seeds, from] = [Number(values.seeds), Number(values.from)]
const began = performance.now()
const matrix = new Matrix()
const sums = { jobs: 0, workers: 0, lostClaims: 0, unsureTexts: 0, virtualHours: 0 }
const failed: Array<number> = []

for (let seed = from; seed < from + seeds; seed++) {
  const result = simulate(seed)
  matrix.add(result.matrix)
  sums.jobs += result.jobs
  sums.workers += result.lives
  sums.lostClaims += result.lostClaims
  sums.unsureTexts += result.unsureTexts
  sums.virtualHours += result.virtualMillis / 3_600_000
  if (result.violations.length > 0) {
    failed.push(seed)
    if (failed.length === 1) console.log(format(result))
    else console.log(`seed ${seed}: ${result.violations.join("; ")}`)
  } else if (seeds === 1) console.log(format(result))
}

const seconds = (performance.now() - began) / 1000
console.log(matrix.format())
console.log(
  `${seeds} seeds in ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(1)} a second), ${sums.virtualHours.toFixed(0)} virtual hours, ` +
    `${sums.jobs} jobs, ${sums.workers} workers, ${sums.lostClaims} claims lost with an answer, ` +
    `${sums.unsureTexts} log texts whose answer reached no journal`
)
if (seeds >= 2000) {
  const rare = matrix.below(100)
  if (rare.length > 0) console.log(`hit less than 100 times:\n  ${rare.join("\n  ")}`)
  if (rare.length > 0) process.exitCode = 1
}
if (failed.length > 0) {
  console.log(
    `${failed.length} seeds failed; \`npm run simulate -- --from ${failed[0]} --seeds 1\` replays the first`
  )
  process.exitCode = 1
}
