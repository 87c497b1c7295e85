/** Faults: draws what goes wrong, where and when, from the seed; keeps the history. */
import type { Dice } from "./dice.ts"
import { cells, type Kind, kindsOf, Matrix, type Step } from "./matrix.ts"
import type { SimTime } from "./SimTime.ts"

/** How many cells of the matrix each history aims at. */
const aims = 24
/** What only half of the histories can meet, or what meets a job only once. */
const rare = new Set<Kind>(["disk refuses", "machine reboots", "start fails"])

/** The faults of one history. */
export class Faults {
  readonly matrix = new Matrix()
  readonly history: Array<string> = []
  readonly #dice: Dice
  readonly #time: SimTime
  /** When everything begins to work. */
  readonly until: number
  /** A full disk and a machine that reboots never come together: then nobody could know a job's end. */
  readonly diskRefuses: boolean
  /** What this history is to meet, with how often. */
  readonly #aims = new Map<Step, Array<Kind>>()
  /** Of what it meets beside that. */
  readonly #rate: number

  constructor(dice: Dice, time: SimTime) {
    this.#dice = dice
    this.#time = time
    this.until = dice.between(40_000, 120_000)
    this.diskRefuses = dice.chance(0.5)
    this.#rate = dice.one([0, 0.01, 0.04])
    for (let n = 0; n < aims; n++) {
      const cell = dice.one(cells)
      this.#aim(cell.step, cell.kind)
      if (dice.chance(rare.has(cell.kind) ? 1 : 0.3)) this.#aim(cell.step, cell.kind)
      if (cell.step === "hand-back report") this.#aim("journal claim", this.#unstarted())
    }
  }

  /** What leaves a claim that never starts. */
  #unstarted(): Kind {
    return this.diskRefuses && this.#dice.chance(0.5) ? "disk refuses" : "worker killed after"
  }

  #aim(step: Step, kind: Kind) {
    if (kind === "disk refuses" && !this.diskRefuses) return
    if (kind === "machine reboots" && this.diskRefuses) return
    if (kind === "pid reused") return
    this.#aims.set(step, [...(this.#aims.get(step) ?? []), kind])
  }

  get on() {
    return this.#time.now < this.until
  }

  /** What this call, start or write meets. */
  draw(step: Step): Kind | undefined {
    if (!this.on) return undefined
    const kind = this.#aimed(step) ?? this.#random(step)
    if (kind !== undefined) this.hit(kind, step)
    return kind
  }

  #aimed(step: Step): Kind | undefined {
    const left = this.#aims.get(step) ?? []
    if (left.length === 0 || !this.#dice.chance(0.6)) return undefined
    return left.splice(this.#dice.whole(0, left.length - 1), 1)[0]
  }

  #random(step: Step): Kind | undefined {
    if (!this.#dice.chance(this.#rate)) return undefined
    const kind = this.#dice.one(kindsOf(step))
    const grave = kind.startsWith("worker killed") || kind === "disk refuses" || kind === "machine reboots"
    return grave || kind === "pid reused" ? undefined : kind
  }

  /** Also of what the machine does by itself: it gives pids away between two workers, not when it is asked. */
  hit(kind: Kind, step: Step) {
    this.matrix.hit(kind, step)
    this.say(`FAULT ${kind} at ${step}`)
  }

  say(event: string) {
    this.history.push(`${(this.#time.now / 1000).toFixed(3).padStart(9)} s  ${event}`)
  }
}
