/** A whole worker against a site of which every answer may be nonsense: each job that arrives is run once and told. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { MemoryPlatform } from "../../src/testing/MemoryPlatform.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { Journal } from "../../src/worker/Journal.ts"
import { LogPush } from "../../src/worker/LogPush.ts"
import { known, Versions } from "../../src/worker/Versions.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { holdsNone, parameters, timeLimit } from "./fuzz.ts"
import { bytesOf, type HostileAnswer, hostileAnswer } from "./hostileAnswers.ts"
import { type RawRequest, rawServer } from "./rawServer.ts"

const secret = "the-secret-of-the-site"

const settings = (port: number) =>
  testSettings({
    apiUrl: new URL(`http://127.0.0.1:${port}/edge_worker/v1/rpcapi`),
    jwtSecret: Redacted.make(secret),
    heartbeatInterval: Duration.millis(50),
    jobPollInterval: Duration.millis(10),
    apiRetryWaitMin: Duration.millis(1),
    apiRetryWaitMax: Duration.millis(5)
  })

const layer = (port: number) =>
  Worker.layer.pipe(
    Layer.provide([LogPush.layer, Versions.layer(Effect.succeed({ ...known, python: "3.11.7" }))]),
    Layer.provide([EdgeClient.layer, Journal.layer]),
    Layer.provideMerge([TestRunner.layer()]),
    Layer.provideMerge(MemoryPlatform.layer()),
    Layer.provideMerge(MemoryFileTail.layer),
    Layer.provide([TokenSigner.layer, HttpTransport.layerOptions({ tls: false, env: {} })]),
    Layer.provide([
      Layer.succeed(EdgeConfig, settings(port)),
      Layer.succeed(WorkerIdentity, { name: "edge-1", queues: null, team: null, concurrency: 3 })
    ])
  )

/** Nonsense, but neither an order nor a refusal (these the worker must obey) nor an hour's wait. */
const nonsense = (answer: HostileAnswer): HostileAnswer => ({
  ...answer,
  status: answer.status >= 400 && answer.status < 500 ? 502 : answer.status,
  headers: answer.headers.filter(([name]) => name !== "retry-after"),
  retryAfter: "0",
  ending: answer.ending === "hang" ? "end" : answer.ending
})

const proper = (body: unknown) => {
  const text = JSON.stringify(body)
  return {
    pieces: [Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)],
    ending: "keep" as const
  }
}

/** What the site does with one request after the other: a third of them it answers properly. */
const moods = (seed: number) =>
  fc.sample(fc.record({ sane: fc.nat(2).map((n) => n === 0), hostile: hostileAnswer }), {
    numRuns: 3000,
    seed
  })

/** The site: it hears each report, and gives a job only in a proper answer. */
const makeSite = (jobs: number, answers: ReturnType<typeof moods>) => {
  const waiting = Array.from({ length: jobs }, (_, at) => testJob(`task-${at}`))
  const site = {
    /** Tasks whose claim has left in a proper answer. */
    handed: new Set<string>(),
    told: new Map<string, Array<string>>(),
    nonsense: 0,
    proper: 0,
    tokens: new Set<string>(),
    waiting
  }
  const bodyFor = ({ body, path }: RawRequest, sane: boolean): unknown => {
    const [, kind = ""] = /\/edge_worker\/v1\/(\w+\/?\w*)/.exec(path) ?? []
    if (kind.startsWith("jobs/fetch")) {
      if (!sane) return null
      const job = waiting.shift()
      if (job !== undefined) site.handed.add(job.task_id)
      return job ?? null
    }
    if (kind.startsWith("jobs/state")) {
      const [, , task = "", , , , state = ""] = path.slice(path.indexOf("jobs/state")).split("/").slice(1)
      site.told.set(task, [...(site.told.get(task) ?? []), state])
      return null
    }
    if (kind.startsWith("logs")) return null
    const { state } = JSON.parse(body) as { state: string }
    return { last_update: "2026-01-01T00:00:00Z", state: state === "starting" ? "idle" : state, queues: null }
  }
  const answer = (request: RawRequest) => {
    if (request.authorization !== "") site.tokens.add(request.authorization)
    const mood = answers[(site.proper + site.nonsense) % answers.length]
    if (mood === undefined) throw new Error("no answer was made up")
    const { hostile, sane } = mood
    site[sane ? "proper" : "nonsense"] += 1
    const body = bodyFor(request, sane)
    return sane ? proper(body) : bytesOf(nonsense(hostile), request, "http://127.0.0.1:1")
  }
  return { site, answer }
}

describe("a whole worker", () => {
  const jobs = 15
  const rejections: Array<unknown> = []

  it.live(
    "survives a site that answers nonsense, and tells the end of each job that it was given",
    () => {
      const lines: Array<string> = []
      const { numRuns, seed } = parameters(2)
      return Effect.gen(function* () {
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            const note = (reason: unknown) => void rejections.push(reason)
            process.on("unhandledRejection", note).on("uncaughtExceptionMonitor", note)
            return note
          }),
          (note) =>
            Effect.sync(
              () => void process.off("unhandledRejection", note).off("uncaughtExceptionMonitor", note)
            )
        )
        for (let run = 0; run < numRuns; run++) {
          const own = (seed ?? Math.floor(Math.random() * 2 ** 31)) + run
          const { answer, site } = makeSite(jobs, moods(own))
          lines.length = 0
          yield* Effect.gen(function* () {
            const { port } = yield* rawServer(answer)
            const built = yield* Layer.build(layer(port))
            const [worker, runner] = [Context.get(built, Worker), Context.get(built, TestRunner)]
            const files = Context.get(built, MemoryFileTail)
            const ran = new Set<string>()
            const ending = yield* Effect.forkChild(
              Effect.gen(function* () {
                for (let next = 0; ; next++) {
                  const started = yield* runner.until((all) => all.length > next)
                  const job = started[next]
                  if (job === undefined) continue
                  const { job: toRun } = job.toRun.claim
                  assert.isFalse(ran.has(toRun.task_id), `${toRun.task_id} runs twice`)
                  ran.add(toRun.task_id)
                  yield* files.append(job.toRun.logFile, `the log of ${toRun.task_id}\n`)
                  yield* job.end({ _tag: "Succeeded" })
                  if (ran.size === jobs) return
                }
              })
            )
            yield* Fiber.join(ending)
            yield* worker.drain("the test is over")
            const end = yield* worker.ended
            assert.strictEqual(end.reportsLeft, 0)
            assert.strictEqual(end.logBytesLeft, 0)
            assert.isUndefined(end.rejected)
            assert.deepStrictEqual([...ran].sort(), [...site.handed].sort())
          }).pipe(
            Effect.scoped,
            Effect.timeout(Duration.millis(timeLimit / 3)),
            Effect.tapCause(() => Effect.logError(`seed ${own}: ${JSON.stringify({ ...site, tokens: [] })}`))
          )
          assert.deepStrictEqual(rejections, [])
          for (const [task, states] of site.told)
            assert.strictEqual(states.at(-1), "success", `${task}: ${states} (seed ${own})`)
          assert.strictEqual(site.told.size, jobs)
          // Both happen often, or this shows nothing.
          assert.isAbove(site.proper, jobs)
          assert.isAbove(site.nonsense, jobs)
          // A defect in a loop is not seen from outside: the loop begins anew.
          assert.deepStrictEqual(
            lines.filter((line) => /started anew|after an error/.test(line)),
            []
          )
          holdsNone(lines.join("\n"), [secret, ...site.tokens])
          const longest = Math.max(...lines.map((line) => line.length))
          assert.isBelow(longest, 4000)
          assert.isBelow(lines.join("\n").length, 500 * (site.proper + site.nonsense))
        }
      }).pipe(
        Effect.provide(
          Logger.layer([
            Logger.make(({ cause, message }) => void lines.push(`${String(message)} ${String(cause)}`))
          ])
        )
      )
    },
    timeLimit
  )
})
