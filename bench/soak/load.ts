/** load: the soak's jobs: what they write, what the site was told of them, and what is wrong with that. */
import { readFileSync } from "node:fs"
import { testJob } from "../../src/testing/testJob.ts"
import type { HttpCentral, StoredJob } from "../../test/signals/httpCentral.ts"

interface Added {
  readonly stored: StoredJob
  readonly log: string
}

const ends = ({ reported }: StoredJob) => reported.filter((state) => state !== "running")
const logOf = ({ log }: StoredJob) => log.join("")
const sum = (values: ReadonlyArray<number>) => values.reduce((all, one) => all + one, 0)

/** Jobs on the site. */
export class Load {
  readonly #jobs: Array<Added> = []
  #open: Array<Added> = []
  readonly #central: HttpCentral
  /** Each job adds its number. */
  readonly #ranFile: string

  constructor(central: HttpCentral, ranFile: string) {
    this.#central = central
    this.#ranFile = ranFile
  }

  /** One that writes down that it ran, and two lines into its log. */
  add() {
    const at = this.#jobs.length
    const job = testJob(`t${at}`, {
      logPath: `dag_id=soak/run_id=r${Math.floor(at / 1000)}/task_id=t${at}/attempt=1.log`
    })
    const lines = [`job ${at} begins`, `job ${at} ends`]
    const shell = `echo ${at} >> '${this.#ranFile}'; echo '${lines[0]}'; echo '${lines[1]}'`
    const stored = this.#central.add({ ...job, command: { ...job.command, shell } } as typeof job)
    const added = { stored, log: `${lines.join("\n")}\n` }
    this.#jobs.push(added)
    this.#open.push(added)
  }

  /** Jobs whose end or log the site lacks. */
  get open(): number {
    this.#open = this.#open.filter(
      ({ log, stored }) => ends(stored).length === 0 || !logOf(stored).includes(log)
    )
    return this.#open.length
  }

  /** Once the worker has ended. */
  counts() {
    const ran = new Map<string, number>()
    for (const line of readFileSync(this.#ranFile, "utf8").trimEnd().split("\n"))
      ran.set(line, (ran.get(line) ?? 0) + 1)
    const told = this.#jobs.map(({ log, stored }) => {
      const [has, states] = [logOf(stored), ends(stored)]
      const lines = log.split("\n")
      const missing = sum(lines.map((line) => (has.includes(line) ? 0 : line.length + 1)))
      return { states, missing, extra: Math.max(0, has.length - log.length + missing) }
    })
    return {
      jobs: this.#jobs.length,
      done: told.filter(({ states }) => states.length === 1 && states[0] === "success").length,
      lost: told.filter(({ states }) => states.length === 0).length,
      "told wrongly": told.filter(({ states }) => states.some((state) => state !== "success")).length,
      "told twice": told.filter(({ states }) => states.length > 1).length,
      "run twice": [...ran.values()].filter((times) => times > 1).length,
      "log bytes missing": sum(told.map(({ missing }) => missing)),
      "log bytes extra": sum(told.map(({ extra }) => extra))
    }
  }
}
