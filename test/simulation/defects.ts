/** defects: mistakes that a worker can have, each planted into one service; the simulation must find every one. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isEnding } from "../../src/protocol/Lifecycle.ts"
import { StartFailed } from "../../src/runner/Runner.ts"
import type { Defect } from "./SimWorker.ts"

export const defects: ReadonlyArray<Defect> = [
  {
    name: "log offset kept before the 2xx",
    tail: (real, journal) => ({
      ...real,
      open: (path) =>
        Effect.map(real.open(path), (tailed) => ({
          ...tailed,
          read: (from, most) =>
            Effect.tap(tailed.read(from, most), (found) =>
              Option.isNone(found) || found.value.bytes.length === 0
                ? Effect.void
                : journal.saveLogOffset({
                    path,
                    inode: found.value.place.inode,
                    offset: found.value.place.offset + found.value.bytes.length
                  })
            )
        }))
    })
  },
  {
    name: "log offset never kept",
    journal: (real) => ({ ...real, saveLogOffset: () => Effect.void })
  },
  {
    name: "a report dropped on 404",
    client: (real) => ({
      ...real,
      reportJob: (key, id, state) =>
        Effect.catchTag(real.reportJob(key, id, state), "SiteUnavailable", (error) =>
          error.status === 404 ? Effect.void : error
        )
    })
  },
  {
    name: "a report sent once, whatever the answer",
    client: (real) => ({
      ...real,
      reportJob: (key, id, state) => Effect.ignore(real.reportJob(key, id, state))
    })
  },
  {
    name: "a slot freed before the process is gone",
    slots: (real) => ({ ...real, settle: (lent) => real.settle(lent, 0), release: () => Effect.void })
  },
  {
    name: "a job over when it was asked to end",
    runner: (real) => ({
      ...real,
      start: (job) =>
        Effect.map(real.start(job), (running) => {
          let asked = false
          const gone = { _tag: "Failed", reason: "was ended", stderr: "" } as const
          const seen = Effect.suspend(() => (asked ? Effect.succeed(gone) : Effect.never))
          const poll = Effect.repeat(Effect.sleep("100 millis"), { until: () => asked })
          return {
            ...running,
            outcome: Effect.raceFirst(running.outcome, Effect.andThen(poll, seen)),
            stop: (how) =>
              Effect.tap(running.stop(how), () =>
                Effect.sync(() => {
                  asked = true
                })
              )
          }
        })
    })
  },
  {
    name: "a job failed because the disk was full",
    runner: (real) => ({
      ...real,
      start: (job) =>
        Effect.catchTag(real.start(job), "NotStarted", ({ reason }) => new StartFailed({ reason }))
    })
  },
  {
    name: "a hand-back after running",
    runner: (real) => ({
      ...real,
      adopt: (left) =>
        Effect.map(real.adopt(left), (adopted) =>
          adopted._tag === "Gone" ? ({ _tag: "NeverStarted" } as const) : adopted
        )
    })
  },
  {
    name: "a task that runs started anew after a restart",
    runner: (real) => ({
      ...real,
      adopt: (left) =>
        real.start({ claim: left.claim, folder: left.folder, logFile: `/logs/${left.claim.id}` }).pipe(
          Effect.map((job) => ({ _tag: "Found", job }) as const),
          Effect.orDie
        )
    })
  },
  {
    name: "what is found again always counts as failed",
    runner: (real) => ({
      ...real,
      adopt: (left) =>
        Effect.map(real.adopt(left), (adopted) =>
          adopted._tag === "Found" ? ({ _tag: "Gone", reason: "restarted" } as const) : adopted
        )
    })
  },
  {
    name: "adoption without the start time",
    runner: (real) => ({
      ...real,
      adopt: ({ claim, folder, handle }) =>
        real.adopt({
          claim,
          folder,
          handle: { ...(handle as { readonly pid: number } | undefined), start: null }
        })
    })
  },
  {
    name: "running sent after the end",
    client: (real) => ({
      ...real,
      reportJob: (key, id, state) =>
        state === "running"
          ? Effect.asVoid(
              Effect.forkDetach(Effect.andThen(Effect.sleep("5 seconds"), real.reportJob(key, id, state)))
            )
          : real.reportJob(key, id, state)
    })
  },
  {
    name: "a fetch interrupted by the drain",
    fetchClient: (real, lifecycle) => ({
      ...real,
      fetch: (body) =>
        Effect.interruptible(
          Effect.raceFirst(real.fetch(body), Effect.as(lifecycle.until(isEnding), Option.none()))
        )
    })
  },
  {
    name: "a report before the journal write",
    journal: (real, client) => ({
      ...real,
      settled: (claim, state) =>
        Effect.andThen(
          Effect.ignore(client.reportJob(claim.job, claim.job.task_instance_id ?? null, state)),
          real.settled(claim, state)
        )
    })
  },
  {
    name: "a claim not journalled",
    journal: (real) => ({ ...real, claimed: () => Effect.void })
  },
  {
    name: "a process not journalled until its end",
    journal: (real) => ({ ...real, claimed: () => Effect.void, started: () => Effect.void })
  },
  {
    name: "a job started although its claim cannot be written",
    journal: (real) => ({ ...real, claimed: (claim) => Effect.ignore(real.claimed(claim)) })
  },
  {
    name: "a claim closed before its end is told",
    journal: (real) => ({
      ...real,
      settled: (claim, state) => Effect.andThen(real.closed(claim), real.settled(claim, state)),
      closed: () => Effect.void
    })
  },
  {
    name: "a report that counts as accepted before it is sent",
    client: (real) => ({
      ...real,
      reportJob: (key, id, state) =>
        Effect.asVoid(Effect.forkDetach(Effect.ignore(real.reportJob(key, id, state))))
    })
  },
  {
    name: "a heartbeat error that ends the fetch",
    fetch: (real, health) => {
      const trouble = Effect.repeat(Effect.andThen(Effect.sleep("100 millis"), health.get), {
        until: ({ problem }) => problem !== null
      })
      return { ...real, run: Effect.raceFirst(real.run, Effect.asVoid(trouble)) }
    }
  },
  {
    name: "a failed start reported as success",
    journal: (real) => ({
      ...real,
      settled: (claim, state) => real.settled(claim, state === "failed" ? "success" : state)
    })
  }
]
