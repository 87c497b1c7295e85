/** SimSite: a central with Airflow's rules, whose calls fail as the seed says; it remembers all that it was told. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JobState, WorkerStateBody } from "../../src/protocol/EdgeApi.ts"
import type { Job } from "../../src/protocol/Job.ts"
import { answer } from "../../src/protocol/Lifecycle.ts"
import type { WorkerState } from "../../src/protocol/WorkerState.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { SiteUnavailable, WorkerConflict, WorkerNotFound } from "../../src/worker/EdgeError.ts"
import type { Dice } from "./dice.ts"
import type { Faults } from "./Faults.ts"
import { type CallKind, callKinds, type Step } from "./matrix.ts"
import type { SimTime } from "./SimTime.ts"
import type { SimLife, World } from "./World.ts"

/** A text that the site appended to a log. */
export interface Append {
  readonly text: string
  readonly file: string
  readonly life: SimLife
  /** True once the worker had the 2xx: from then on the text must not come again. */
  answered: boolean
  /** True once the worker has kept on disk that the site has it. */
  kept: boolean
}

/** A job as the site sees it. */
export interface SiteJob {
  readonly job: Job
  state: JobState
  /** How often it was given out. */
  claims: number
  /** Why nobody can expect an end of the newest claim: its answer never reached a journal. */
  excused: string | undefined
  /** Claims and reports in the order in which they were committed. */
  readonly events: Array<"claim" | JobState>
  readonly times: Set<string>
  /** The disk refused a write since its claim: what the journal would have known may be told again. */
  unwritten: boolean
  readonly appends: Array<Append>
}

type Failure = SiteUnavailable | WorkerNotFound | WorkerConflict
type Reply<A> = { readonly ok: A } | { readonly failed: Failure }

const isCallKind = (kind: string): kind is CallKind => callKinds.some((call) => call === kind)

/** The site gives a silent worker up after five heartbeats. */
const silence = 150_000

/** The central. */
export class SimSite {
  readonly jobs = new Map<string, SiteJob>()
  worker: { state: WorkerState; heard: number } | undefined
  downUntil = 0
  readonly #time: SimTime
  readonly #dice: Dice
  readonly #faults: Faults
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    this.#time = world.time
    this.#dice = world.dice
    this.#faults = world.faults
  }

  add(job: Job) {
    this.#faults.say(`site: ${job.task_id} is queued (${job.concurrency_slots} slots)`)
    this.jobs.set(job.task_id, {
      job,
      state: "queued",
      claims: 0,
      excused: undefined,
      events: [],
      times: new Set(),
      unwritten: false,
      appends: []
    })
  }

  #down(millis: number) {
    this.downUntil = Math.max(this.downUntil, this.#time.now + millis)
    this.#faults.say(`site: down for ${(millis / 1000).toFixed(1)} s`)
  }

  /** One call: a way there, the act, a way back; each can fail. `heard` and `lost` learn what became of the answer. */
  #call<A>(
    life: SimLife,
    step: Step,
    name: string,
    act: () => Reply<A>,
    extra: {
      readonly heard?: () => void
      readonly lost?: (why: string) => void
      readonly half?: () => void
    } = {}
  ): Effect.Effect<A, Failure> {
    return Effect.callback<A, Failure>((resume) => {
      if (life.dead) return
      const world = this.#world.forever
      const fault = this.#time.now < this.downUntil ? "site down" : this.#faults.draw(step)
      let waiting = true
      const back = (reply: Reply<A>, why: string | undefined) =>
        this.#time.after(this.#dice.between(1, 30), world, () => {
          const arrived = waiting && !life.dead
          this.#faults.say(
            `${name}: ${"ok" in reply ? "ok" : reply.failed.message}${arrived ? "" : " (nobody listens any more)"}`
          )
          if (arrived && why === undefined && "ok" in reply) extra.heard?.()
          else extra.lost?.(why ?? (life.dead ? "the worker was killed" : "the worker does not listen"))
          if (!arrived) return
          waiting = false
          resume("ok" in reply ? Effect.succeed(reply.ok) : Effect.fail(reply.failed))
        })
      const fail = (
        reason: string,
        ambiguous: boolean,
        more: { status?: number; retryAfterMillis?: number } = {}
      ) => new SiteUnavailable({ operation: step, reason, ambiguous, ...more })
      const arrive = (millis: number, then: () => void) => this.#time.after(millis, world, then)
      const way = this.#dice.between(1, 30)
      /** Acts, and the answer does not come: `why` is what the worker sees instead. */
      const actAndLose = (error: SiteUnavailable) =>
        arrive(way, () => {
          act()
          back({ failed: error }, error.reason)
        })
      const refuse = (error: SiteUnavailable) => arrive(way, () => back({ failed: error }, undefined))
      const reset = fail("connection reset", true)
      if (fault !== undefined && isCallKind(fault)) {
        switch (fault) {
          case "site down":
            if (this.#time.now >= this.downUntil) this.#down(this.#dice.between(1_000, 40_000))
            else this.#faults.hit(fault, step)
            refuse(fail("connection refused", false))
            break
          case "site restart":
            this.#down(this.#dice.between(500, 3_000))
            if (this.#dice.chance(0.5)) actAndLose(reset)
            else refuse(reset)
            break
          case "refuse":
            refuse(fail("connection refused", false))
            break
          case "reset":
            refuse(reset)
            break
          case "lose answer":
            actAndLose(reset)
            break
          case "delay":
            arrive(this.#dice.between(500, 9_000), () => {
              // On its way when its sender died: the connection went with it.
              if (life.dead) extra.lost?.("the worker was killed")
              else back(act(), undefined)
            })
            break
          case "4xx": {
            const status = this.#dice.one(
              step.startsWith("log") ? [401, 403, 404, 413, 429] : [401, 403, 404, 429]
            )
            refuse(
              fail(`HTTP ${status}`, false, {
                status,
                ...(status === 429 ? { retryAfterMillis: 3_000 } : {})
              })
            )
            break
          }
          case "500":
            arrive(way, () => {
              if (this.#dice.chance(0.5)) extra.half?.()
              back({ failed: fail("HTTP 500", true, { status: 500 }) }, "HTTP 500")
            })
            break
          case "503":
            refuse(fail("HTTP 503", true, { status: 503 }))
            break
          case "garbage":
            if (this.#dice.chance(0.5)) actAndLose(fail("HTTP 200, but a page", true, { status: 200 }))
            else refuse(fail("HTTP 200, but a page", true, { status: 200 }))
            break
        }
      } else if (fault === "worker killed before") {
        this.#world.kill(life)
        return
      } else if (fault === "worker killed after") {
        arrive(way, () => {
          const reply = act()
          this.#world.kill(life)
          back(reply, undefined)
        })
      } else arrive(way, () => back(act(), undefined))
      return Effect.sync(() => {
        waiting = false
      })
    })
  }

  #register(body: WorkerStateBody): Reply<{ last_update: string; versions_match: boolean }> {
    const { now } = this.#time
    if (this.worker !== undefined && now - this.worker.heard > silence) this.worker.state = "unknown"
    if (
      this.worker !== undefined &&
      !["offline", "unknown", "offline maintenance"].includes(this.worker.state)
    ) {
      return { failed: new WorkerConflict({ detail: `already active in state '${this.worker.state}'` }) }
    }
    this.worker = { state: answer(this.worker?.state ?? body.state, body.state), heard: now }
    return { ok: { last_update: "2026-01-01T00:00:00Z", versions_match: true } }
  }

  #claim(free: number): Reply<Option.Option<SiteJob>> {
    if (this.worker === undefined) return { failed: new WorkerNotFound() }
    const found = [...this.jobs.values()].find(
      ({ job, state }) => state === "queued" && job.concurrency_slots <= free
    )
    if (found === undefined) return { ok: Option.none() }
    found.state = "restarting"
    found.claims++
    found.events.push("claim")
    this.#faults.say(`site: gives out ${found.job.task_id} (claim ${found.claims})`)
    return { ok: Option.some(found) }
  }

  /** The client of one worker's life. */
  clientFor(life: SimLife): EdgeClient["Service"] {
    const unavailable = (error: Failure) =>
      error._tag === "SiteUnavailable" ? Effect.fail(error) : Effect.die(error)
    return EdgeClient.of({
      register: (body) =>
        this.#call(life, life.number === 1 ? "register" : "register after restart", "register", () =>
          this.#register(body)
        ).pipe(Effect.catchTag("WorkerNotFound", (error) => Effect.die(error))),
      setState: (body) =>
        this.#call(life, "heartbeat", `heartbeat ${body.state} ${body.jobs_active}`, () => {
          if (this.worker === undefined) return { failed: new WorkerNotFound() }
          this.worker = { state: answer(this.worker.state, body.state), heard: this.#time.now }
          const ok = { state: this.worker.state, queues: null, maintenance_comments: null, concurrency: null }
          return { ok: { ...ok, versions_match: true } }
        }).pipe(Effect.catchTag("WorkerConflict", (error) => Effect.die(error))),
      fetch: (body) =>
        Effect.suspend(() => {
          let given: SiteJob | undefined
          return this.#call(
            life,
            "fetch",
            `fetch ${body.free_concurrency}`,
            () => {
              const reply = this.#claim(body.free_concurrency)
              if ("failed" in reply) return reply
              given = Option.getOrUndefined(reply.ok)
              if (given !== undefined) this.#world.givenOut(life)
              return { ok: Option.map(reply.ok, ({ job }) => job) }
            },
            {
              lost: (why) => {
                // The worker's own doing is no excuse.
                if (given !== undefined && why !== "the worker does not listen") this.excuse(given, why)
              }
            }
          )
        }).pipe(Effect.catchTag("WorkerConflict", (error) => Effect.die(error))),
      reportJob: (key, _, state) =>
        this.#call(
          life,
          state === "running" ? "running report" : state === "queued" ? "hand-back report" : "end report",
          `report ${key.task_id} ${state}`,
          () => {
            const job = this.jobs.get(key.task_id)
            if ((state === "success" || state === "failed") && this.#world.machine.isAlive(key.task_id)) {
              this.#world.violate(`${key.task_id} is told as ${state} while its process runs`)
            }
            if (job !== undefined) {
              job.state = state
              job.events.push(state)
            }
            return { ok: undefined }
          }
        ).pipe(Effect.catch(unavailable)),
      pushLog: (key, body) =>
        Effect.suspend(() => {
          const job = this.jobs.get(key.task_id)
          const alive = this.#world.machine.isAlive(key.task_id)
          let append: Append | undefined
          const write = () => {
            if (job === undefined || body.log_chunk_data === "") return
            append = {
              text: body.log_chunk_data,
              file: `/logs/dag_id=dag/task_id=${key.task_id}/attempt=1.log`,
              life,
              answered: false,
              kept: false
            }
            job.appends.push(append)
          }
          const error500 = new SiteUnavailable({
            operation: "log",
            reason: "HTTP 500, this time is there",
            status: 500,
            ambiguous: true
          })
          return this.#call(
            life,
            alive ? "log push" : "log rest",
            `log ${key.task_id} ${body.log_chunk_data.length}`,
            (): Reply<void> => {
              write()
              if (job?.times.has(body.log_chunk_time)) return { failed: error500 }
              job?.times.add(body.log_chunk_time)
              return { ok: undefined }
            },
            {
              half: write,
              heard: () => {
                if (append !== undefined) this.#world.answered(append)
              }
            }
          )
        }).pipe(Effect.catch(unavailable)),
      siteVersion: Effect.succeedSome("3.3.2")
    })
  }

  excuse(job: SiteJob, why: string) {
    if (job.state !== "restarting" || this.#world.machine.ofClaim(job).length > 0) return
    job.excused = why
    this.#faults.say(`site: claim ${job.claims} of ${job.job.task_id} is lost: ${why}`)
  }
}
