/**
 * central: what the embedded central bears: workers with Airflow's intervals, jobs, and a restart in between. Fails where
 * a job is lost. Without `--workers` and `--quick` it measures them all and writes bench/central.md.
 */
import { existsSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { startPostgres } from "../scripts/chaos/postgres.ts"
import { type Asked, type Measured, measure } from "./central/measure.ts"
import { line, page } from "./central/page.ts"

const { values } = parseArgs({
  options: {
    workers: { type: "string" },
    seconds: { type: "string" },
    rate: { type: "string" },
    /** 1 or 2; two need PostgreSQL. */
    centrals: { type: "string" },
    /** postgresql://…; `postgres`: one of its own for the run. It must be empty. */
    database: { type: "string" },
    quick: { type: "boolean", default: false }
  }
})
const whole = (text: string | undefined, otherwise: number) => {
  const number = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Error(`not a whole number above 0: ${text}`)
  return number
}
const say = (text: string) => process.stderr.write(`${text}\n`)
if (!existsSync("out/central.cjs")) throw new Error("out/central.cjs is missing: node scripts/build.ts")

const { quick } = values
const seconds = whole(values.seconds, quick ? 6 : 30)
const rate = whole(values.rate, 50)
const centrals = whole(values.centrals, 1) === 2 ? 2 : 1
if (centrals === 2 && values.database === undefined) throw new Error("two centrals need --database")

/** On a PostgreSQL of its own for each run: the jobs of the last one are none of this one's. */
const measured = async (asked: Asked): Promise<Measured | undefined> => {
  say(
    `${asked.workers} workers, ${asked.rate} jobs a second for ${asked.seconds} s, ${asked.centrals} central(s)`
  )
  if (asked.database !== "postgres") return measure(asked)
  const postgres = await startPostgres()
  if (typeof postgres === "string") {
    say(`no PostgreSQL: ${postgres}`)
    return undefined
  }
  try {
    return { ...(await measure({ ...asked, database: postgres.url })), database: "postgres" }
  } finally {
    postgres.stop()
  }
}

const whichOnes = (): ReadonlyArray<Asked> => {
  const one = { seconds, rate, centrals, database: values.database } as const
  if (quick || values.workers !== undefined) return [{ ...one, workers: whole(values.workers, 10) }]
  const sqlite = [10, 100, 1000].map(
    (workers) => ({ ...one, workers, centrals: 1, database: undefined }) as const
  )
  return [...sqlite, { ...one, workers: 100, centrals: 2, database: values.database ?? "postgres" }]
}

const asked = whichOnes()
const all: Array<Measured> = []
for (const one of asked) {
  const result = await measured(one)
  if (result === undefined) process.exitCode = 1
  else {
    all.push(result)
    process.stdout.write(`${line(result)}\n`)
    for (const lost of result.lost.slice(0, 10)) say(`lost: ${lost}`)
    const wrong = result.lost.length > 0 || result.late > 0 || result.errors.length > 0 || result.done === 0
    if (wrong) process.exitCode = 1
  }
}
if (asked.length > 1) {
  writeFileSync("bench/central.md", page(all, { cpu: cpus()[0]?.model ?? "?", cores: cpus().length }))
}
