/** SimMachine: processes that outlive a worker, and the disk under its journal. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type JournalEntry, JournalStore, JournalUnwritable } from "../../src/platform/JournalStore.ts"
import type { KeptLog } from "../../src/platform/KeptLogs.ts"
import {
  type Adopted,
  NotStarted,
  type Outcome,
  Runner,
  type RunningJob,
  StartFailed
} from "../../src/runner/Runner.ts"
import type { Step } from "./matrix.ts"
import type { SiteJob } from "./SimSite.ts"
import type { SimLife, World } from "./World.ts"

/** One process; `outcome` is set when it is gone. */
export interface Process {
  readonly pid: number
  readonly start: number
  readonly claimId: string
  readonly task: string
  /** Which claim of the job it runs for. */
  readonly claim: number
  readonly slots: number
  readonly wedged: boolean
  outcome: Outcome | undefined
  /** Nobody can tell its end any more: the machine was booted anew. */
  forgotten: boolean
  readonly waiters: Set<() => void>
  /** What it wrote to its log, in order. */
  readonly tokens: Array<string>
}

/** A program that is none of ours, with the pid of a job's process that is gone. */
interface Stranger {
  readonly pid: number
  readonly start: number
  until: number
  readonly waiters: Set<() => void>
}

/** As everywhere: where the start is not known, any process of the pid is taken for it. */
const decodeHandle = Schema.decodeUnknownOption(
  Schema.Struct({ pid: Schema.Number, start: Schema.NullOr(Schema.Number) })
)

const killed = (signal: string): Outcome => ({
  _tag: "Failed",
  reason: `was ended by ${signal}`,
  stderr: "",
  signal
})

/** What runs on the machine. */
export class SimMachine {
  readonly processes: Array<Process> = []
  readonly #strangers: Array<Stranger> = []
  /** Claims whose start failed: their real end is `failed`. */
  readonly refusedStarts = new Set<string>()
  readonly disk = new Map<string, JournalEntry>()
  readonly keptLogs = new Map<string, KeptLog>()
  #unwritableUntil = 0
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  isAlive(task: string) {
    return this.processes.some((process) => process.task === task && process.outcome === undefined)
  }
  ofClaim(job: SiteJob) {
    return this.processes.filter(({ claim, task }) => task === job.job.task_id && claim === job.claims)
  }
  get refuses() {
    return this.#world.time.now < this.#unwritableUntil
  }
  get alive() {
    return this.processes.filter(({ outcome }) => outcome === undefined)
  }

  #fill() {
    this.#unwritableUntil = this.#world.time.now + this.#world.dice.between(100, 15_000)
  }

  #end(process: Process, outcome: Outcome) {
    if (process.outcome !== undefined) return
    process.outcome = outcome
    this.#world.faults.say(
      `process ${process.pid} (${process.task}) ends: ${outcome._tag === "Failed" ? outcome.reason : "success"}`
    )
    for (const wake of process.waiters) wake()
  }

  #write(process: Process, file: string) {
    const token = `<${process.task}:${process.pid}:${process.tokens.length}>`
    process.tokens.push(token)
    this.#world.append(file, `${token}${this.#world.dice.chance(0.8) ? "\n" : ""}`)
  }

  #spawn(task: string, claimId: string, slots: number, file: string, bad: string | undefined): Process {
    const { dice, faults, forever, time } = this.#world
    const claim = this.#world.site.jobs.get(task)?.claims ?? 0
    const process: Process = {
      pid: 1000 + this.processes.length,
      start: time.now,
      claimId,
      task,
      claim,
      slots,
      wedged: bad === "task wedged",
      outcome: undefined,
      forgotten: false,
      waiters: new Set(),
      tokens: []
    }
    faults.say(`process ${process.pid} (${task}, claim ${claim}) starts`)
    if (this.processes.some((other) => other.task === task && other.claim === claim)) {
      this.#world.violate(`claim ${claim} of ${task} ran twice`)
    }
    this.processes.push(process)
    const used = this.alive.reduce((sum, { slots }) => sum + slots, 0)
    if (used > this.#world.capacity) this.#world.violate(`${used} slots are used by processes`)
    const length = dice.between(100, dice.one([2_000, 20_000, 50_000]))
    for (let line = dice.whole(1, 6); line > 0; line--) {
      time.after(dice.between(0, length), forever, () => {
        if (process.outcome === undefined) this.#write(process, file)
      })
    }
    time.after(length, forever, () => {
      if (process.outcome !== undefined) return
      this.#write(process, file)
      this.#end(
        process,
        bad === "task fails"
          ? { _tag: "Failed", reason: "exited with code 3", stderr: "" }
          : { _tag: "Succeeded" }
      )
    })
    return process
  }

  #running(life: SimLife, process: Process): RunningJob {
    const { dice, forever, time } = this.#world
    return {
      handle: { pid: process.pid, start: process.start },
      outcome: Effect.callback<Outcome>((resume) => {
        const wake = () => {
          if (!life.dead && process.outcome !== undefined) resume(Effect.succeed(process.outcome))
        }
        if (process.outcome !== undefined) return wake()
        process.waiters.add(wake)
        return Effect.sync(() => process.waiters.delete(wake))
      }),
      stop: (how) =>
        Effect.sync(() => {
          if (life.dead || (how === "term" && process.wedged)) return
          time.after(dice.between(10, how === "term" ? 2_000 : 100), forever, () =>
            this.#end(process, killed(how === "term" ? "SIGTERM" : "SIGKILL"))
          )
        })
    }
  }

  /** A job whose process is taken to be another program: over when that is, and what it is sent hits that. */
  #mistaken(life: SimLife, job: RunningJob, stranger: Stranger): RunningJob {
    const gone = Effect.callback<void>((resume) => {
      stranger.waiters.add(() => {
        if (!life.dead) resume(Effect.void)
      })
    })
    return {
      ...job,
      outcome: Effect.andThen(gone, job.outcome),
      stop: () =>
        Effect.sync(() => this.#world.violate(`pid ${stranger.pid} of another program was signalled`))
    }
  }

  /** While no worker lives, pids of processes that nobody has heard the end of go to other programs, now and then. */
  reusePids() {
    const { dice, faults, forever, time } = this.#world
    const open = [...this.disk.values()].flatMap(({ id, kind }) => (kind === "claim" ? [id] : []))
    for (const { claimId, outcome, pid } of this.processes) {
      const taken = this.#strangers.some((other) => other.pid === pid && other.until > time.now)
      if (outcome === undefined || taken || !open.includes(claimId) || !dice.chance(0.5)) continue
      const lasts = dice.one([30_000, Number.POSITIVE_INFINITY])
      const stranger = { pid, start: time.now, until: time.now + lasts, waiters: new Set<() => void>() }
      this.#strangers.push(stranger)
      faults.hit("pid reused", "adopt")
      time.after(lasts, forever, () => {
        for (const wake of stranger.waiters) wake()
      })
    }
  }

  runnerFor(life: SimLife): Runner["Service"] {
    const { faults } = this.#world
    return Runner.of({
      start: ({ claim, logFile }) =>
        Effect.suspend((): ReturnType<Runner["Service"]["start"]> => {
          if (life.dead) return Effect.never
          const bad = faults.draw("start")
          if (bad === "start fails") {
            this.refusedStarts.add(
              `${claim.job.task_id}:${this.#world.site.jobs.get(claim.job.task_id)?.claims}`
            )
            return new StartFailed({ reason: "no such interpreter" })
          }
          if (bad === "disk refuses") {
            // The journal may lie on another disk, and need not be written just now.
            if (this.#world.dice.chance(0.5)) this.#fill()
            return new NotStarted({ reason: "no space left on device" })
          }
          if (bad === "worker killed before") return this.#world.killed(life)
          const process = this.#spawn(claim.job.task_id, claim.id, claim.job.concurrency_slots, logFile, bad)
          if (bad === "worker killed after") return this.#world.killed(life)
          return Effect.succeed(this.#running(life, process))
        }),
      adopt: ({ claim, handle }) =>
        Effect.suspend((): Effect.Effect<Adopted> => {
          if (life.dead) return Effect.never
          const bad = faults.draw("adopt")
          if (bad === "worker killed before") return this.#world.killed(life)
          if (bad === "machine reboots") {
            this.reboot()
            return this.#world.killed(life)
          }
          const process = this.processes.find(({ claimId }) => claimId === claim.id)
          if (bad === "worker killed after") this.#world.killSoon(life)
          if (process === undefined) return Effect.succeed({ _tag: "NeverStarted" })
          if (process.forgotten) {
            process.outcome = killed("a reboot")
            return Effect.succeed({ _tag: "Gone", reason: "its end is not known" })
          }
          const identity = Option.getOrElse(decodeHandle(handle), () => process)
          const stranger = this.#strangers.find(
            ({ pid, start, until }) =>
              pid === identity.pid &&
              until > this.#world.time.now &&
              (identity.start === null || identity.start === start)
          )
          const job = this.#running(life, process)
          return Effect.succeed({
            _tag: "Found",
            job: stranger === undefined ? job : this.#mistaken(life, job, stranger)
          })
        })
    })
  }

  /** Every process dies, and no record of an end is left. */
  reboot() {
    this.#world.faults.say("the machine reboots")
    for (const process of this.processes) {
      this.#end(process, killed("a reboot"))
      process.forgotten = true
    }
    for (const stranger of this.#strangers) stranger.until = this.#world.time.now
  }

  storeFor(life: SimLife): JournalStore["Service"] {
    const { faults, time } = this.#world
    const refused = new JournalUnwritable({ reason: "no space left on device" })
    const key = ({ id, kind }: { readonly id: string; readonly kind: string }) => `${kind}:${id}`
    const commit = (changes: Parameters<JournalStore["Service"]["write"]>[0]) => {
      for (const { value, ...entry } of changes) {
        if (value === null) this.disk.delete(key(entry))
        else this.disk.set(key(entry), { ...entry, value })
        if (entry.kind === "offset" && value !== null) this.#world.kept(entry.id, life)
      }
      faults.say(
        `journal: ${changes.map(({ id, kind, value }) => `${value === null ? "-" : "+"}${kind} ${id}`).join(", ")}`
      )
    }
    return JournalStore.of({
      left: [...this.disk.values()],
      write: (changes) =>
        Effect.suspend(() => {
          if (life.dead) return Effect.never
          const bad = faults.draw(stepOf(changes))
          if (bad === "disk refuses") this.#fill()
          if (time.now < this.#unwritableUntil) {
            faults.say("journal: the disk refuses")
            for (const job of this.#world.site.jobs.values()) job.unwritten ||= job.claims > 0
            return Effect.fail(refused)
          }
          if (bad === "worker killed before") return this.#world.killed(life)
          commit(changes)
          return bad === "worker killed after" ? this.#world.killed(life) : Effect.void
        }),
      replace: (entries) =>
        Effect.suspend(() => {
          if (life.dead) return Effect.never
          if (time.now < this.#unwritableUntil) return Effect.fail(refused)
          this.disk.clear()
          commit(entries)
          return Effect.void
        })
    })
  }
}

const stepOf = (changes: Parameters<JournalStore["Service"]["write"]>[0]): Step => {
  if (changes.some(({ kind }) => kind === "offset")) return "journal offset"
  const report = changes.find(({ kind, value }) => kind === "report" && value !== null)?.value
  if (report !== undefined && report !== null)
    return report.includes('"running"') ? "journal start" : "journal end"
  return changes.some(({ kind, value }) => kind === "claim" && value !== null)
    ? "journal claim"
    : "journal removal"
}
