/** World: everything of one history that outlives a worker: the site, the machine, its files and the worker's lives. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { FileTail } from "../../src/platform/FileTail.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { testJob } from "../../src/testing/testJob.ts"
import type { Worker } from "../../src/worker/Worker.ts"
import { type Dice, diceOf } from "./dice.ts"
import { Faults } from "./Faults.ts"
import { SimMachine } from "./SimMachine.ts"
import { type Append, SimSite } from "./SimSite.ts"
import { type Life, SimTime } from "./SimTime.ts"
import { type Defect, workerOf } from "./SimWorker.ts"

/** One worker process, from its start to its end or kill. */
export interface SimLife extends Life {
  readonly number: number
  worker: Worker["Service"] | undefined
}

/** One history. */
export class World {
  readonly capacity = 2
  readonly time = new SimTime()
  readonly forever: Life = { dead: false }
  readonly violations: Array<string> = []
  readonly dice: Dice
  readonly faults: Faults
  readonly site: SimSite
  readonly machine: SimMachine
  readonly drainTimeout: number | undefined
  readonly #seed: number
  readonly #defect: Defect | undefined
  readonly #files: Context.Context<MemoryFileTail | FileTail>
  readonly #outside: Context.Context<never>
  life: SimLife | undefined
  lives = 0

  constructor(seed: number, defect?: Defect) {
    this.#seed = seed
    this.#defect = defect
    this.dice = diceOf(seed)
    this.faults = new Faults(this.dice, this.time)
    this.machine = new SimMachine(this)
    this.site = new SimSite(this)
    this.drainTimeout = this.dice.one([undefined, 5_000, 20_000])
    this.#outside = this.time.contextOf(this.forever, `files ${seed}`)
    this.#files = Effect.runSyncWith(this.#outside)(Effect.scoped(Layer.build(MemoryFileTail.layer)))
    const jobs = this.dice.whole(2, 6)
    for (let n = 0; n < jobs; n++) {
      const slots = this.dice.chance(0.2) ? 2 : 1
      const add = () => this.site.add({ ...testJob(`t${n}`), concurrency_slots: slots })
      this.time.after(this.dice.between(0, 60_000) * this.dice.next(), this.forever, add)
    }
    for (let n = this.dice.whole(0, 3); n > 0; n--) {
      this.time.after(this.dice.between(1_000, this.faults.until), this.forever, () => this.#command())
    }
  }

  violate(what: string) {
    this.violations.push(what)
    this.faults.say(`VIOLATION ${what}`)
  }

  append(file: string, text: string) {
    const { append } = Context.get(this.#files, MemoryFileTail)
    Effect.runSyncWith(this.#outside)(append(file, text))
  }

  /** Starts a worker on what the one before has left. */
  start() {
    const life: SimLife = { number: ++this.lives, dead: false, worker: undefined }
    this.life = life
    this.machine.reusePids()
    this.faults.say(`worker ${life.number} starts`)
    const left = (how: string) => Effect.sync(() => this.#left(life, how))
    const program = workerOf({
      client: this.site.clientFor(life),
      runner: this.machine.runnerFor(life),
      store: this.machine.storeFor(life),
      keptLogs: this.machine.keptLogs,
      files: this.#files,
      concurrency: this.capacity,
      drainTimeout: this.drainTimeout,
      first: life.number === 1,
      defect: this.#defect,
      begun: (worker) => {
        life.worker = worker
      }
    })
    const context = this.time.contextOf(life, `worker ${this.#seed} ${life.number}`)
    Effect.runForkWith(context)(
      program.pipe(
        Effect.flatMap((end) =>
          left(`worker ${life.number} ended: ${end.reason}, ${end.reportsLeft} reports left`)
        ),
        Effect.catch((error) => left(`worker ${life.number} was refused: ${error.message}`)),
        Effect.catchCause((cause) => Effect.sync(() => this.violate(`the worker died of ${cause}`)))
      )
    )
  }

  /** kill -9: nothing of this life runs any more, not even a finalizer. */
  kill(life: SimLife) {
    if (life.dead) return
    this.#left(life, `worker ${life.number} is KILLED`)
  }
  killed(life: SimLife): Effect.Effect<never> {
    this.kill(life)
    return Effect.never
  }
  killSoon(life: SimLife) {
    this.time.after(this.dice.between(0, 500), this.forever, () => this.kill(life))
  }

  /** A 2xx of a text: its offset must be kept before anything else happens. */
  answered(append: Append) {
    append.answered = true
    this.time.after(1, this.forever, () => {
      if (!append.kept && !append.life.dead && !this.machine.refuses) {
        this.violate(`a 2xx for ${append.file} is not in the journal`)
      }
    })
  }

  /** What is in a log file now. */
  read(file: string): string {
    const whole = Effect.flatMap(Context.get(this.#files, FileTail).open(file), (tail) =>
      tail.read(undefined, Number.MAX_SAFE_INTEGER)
    )
    const found = Effect.runSyncWith(this.#outside)(Effect.option(Effect.scoped(whole)))
    return Option.match(Option.flatten(found), {
      onNone: () => "",
      onSome: ({ bytes }) => new TextDecoder().decode(bytes)
    })
  }

  /** A file's offset is on disk: what the site had answered of that file must not come again. */
  kept(file: string, life: SimLife) {
    for (const { appends } of this.site.jobs.values()) {
      for (const append of appends) {
        if (append.file === file && append.life === life && append.answered) append.kept = true
      }
    }
  }

  #left(life: SimLife, how: string) {
    if (life.dead) return
    life.dead = true
    this.faults.say(how)
    // What no journal knows and what never ran went with the worker: the site's own rules take it up.
    const known = [...this.machine.disk.values()].map(({ value }) => value)
    const killed = how.endsWith("KILLED")
    for (const job of this.site.jobs.values()) {
      if (killed && !known.some((entry) => entry.includes(`"${job.job.task_id}"`))) {
        this.site.excuse(job, "the worker was killed before it could write the claim")
      }
    }
    this.time.after(this.dice.between(300, 8_000), this.forever, () => this.start())
  }

  /** The site has given out a job and the answer is on its way: now and then the drain begins just then. */
  givenOut(life: SimLife) {
    const { worker } = life
    if (!this.faults.on || worker === undefined || !this.dice.chance(0.05)) return
    this.time.after(0.5, life, () => {
      this.faults.say("people: drain, while a fetch is under way")
      Effect.runForkWith(this.time.contextOf(life, "people"))(worker.drain("people"))
    })
  }

  /** What people do to a worker. */
  #command() {
    const life = this.life
    if (life === undefined || life.dead || life.worker === undefined) return
    const { worker } = life
    const what = this.dice.one(["drain", "terminate", "kill", "forget", "kill -9", "reboot"])
    this.faults.say(`people: ${what}`)
    const run = Effect.runForkWith(this.time.contextOf(life, "people"))
    if (what === "drain") run(worker.drain("people"))
    else if (what === "terminate") {
      run(worker.terminate("people"))
      this.time.after(30_000, life, () => run(worker.kill("people wait no longer")))
    } else if (what === "kill") run(worker.kill("people"))
    else if (what === "forget") this.site.worker = undefined
    else if (what === "kill -9") this.kill(life)
    else if (!this.faults.diskRefuses) {
      this.machine.reboot()
      this.kill(life)
    }
  }
}
