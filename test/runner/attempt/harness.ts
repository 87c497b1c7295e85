/** A whole attempt under the test clock: a site that a test scripts, and a task that does what it is told. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { TestClock } from "effect/testing"
import { EdgeConfig, type EdgeSettings } from "../../../src/config/EdgeConfig.ts"
import { monotonicOfClock } from "../../../src/platform/MonotonicClock.ts"
import type { ExecuteTask } from "../../../src/protocol/Job.ts"
import type { FromTask, TaskEnd, TaskRequest, ToTask } from "../../../src/protocol/TaskComms.ts"
import { attempt, type RunningAttempt } from "../../../src/runner/attempt/Attempt.ts"
import { ExecutionClients } from "../../../src/runner/attempt/ExecutionClient.ts"
import { heartbeatRules } from "../../../src/runner/attempt/executionPatience.ts"
import type { SecretsBackends } from "../../../src/runner/attempt/SecretsBackends.ts"
import { secretsMasker } from "../../../src/runner/attempt/SecretsMasker.ts"
import type { TaskChannel, TaskGone, TaskHeard } from "../../../src/runner/attempt/TaskChannel.ts"
import type { TaskLog } from "../../../src/runner/attempt/TaskLog.ts"
import type { XComBackend } from "../../../src/runner/attempt/XComBackend.ts"
import type { Outcome } from "../../../src/runner/Runner.ts"
import { testSettings } from "../../../src/testing/settings.ts"
import { testJob } from "../../../src/testing/testJob.ts"
import { type Answer, type Asked, fakeSite, token } from "./fakeSite.ts"

export const tiId = "01900000-0000-7000-8000-000000000000"

/** What a site answers to `run`. */
export const runContext = (more: Readonly<Record<string, unknown>> = {}): Answer => ({
  status: 200,
  headers: { "refreshed-api-token": token(600, "execution") },
  body: JSON.stringify({
    dag_run: {
      dag_id: "dag",
      run_id: "run",
      logical_date: null,
      data_interval_start: null,
      data_interval_end: null,
      run_after: "2026-01-01T00:00:00Z",
      start_date: null,
      end_date: null,
      run_type: "manual",
      state: "running",
      consumed_asset_events: [],
      partition_key: null
    },
    max_tries: 1,
    ...more
  })
})

/** What was asked, in one word; undefined for a task's own requests. */
export const stepOf = ({ method, path }: Asked) =>
  path.endsWith("/run")
    ? "run"
    : path.endsWith("/heartbeat")
      ? "heartbeat"
      : path.endsWith("/state") && method === "PATCH"
        ? "state"
        : undefined

/** A site that lets everything happen. */
export const kind = (asked: Asked): Answer => (stepOf(asked) === "run" ? runContext() : { status: 204 })

/** What a task does when it is asked to end. */
export type Obeys = "cancel" | "kill"

export interface Line {
  readonly level: string
  readonly event: string
  readonly more?: Readonly<Record<string, unknown>> | undefined
}

export interface Options {
  readonly site: (asked: Asked, n: number) => Answer
  readonly settings?: Partial<EdgeSettings>
  readonly task?: Partial<ExecuteTask>
  readonly obeys?: Obeys
  readonly secrets?: SecretsBackends["Service"]
  readonly xcomBackend?: XComBackend["Service"]
}

/** Lets every fiber reach its next wait. */
export const settle = Effect.yieldNow.pipe(Effect.repeat({ times: 40 }))

/** Moves the clock in small steps, so that chains of waits run as they would. */
export const advance = Effect.fnUntraced(function* (duration: Duration.Input, step = 500) {
  let left = Duration.toMillis(Duration.fromInputUnsafe(duration))
  yield* settle
  for (; left > 0; left -= step) {
    yield* TestClock.adjust(Math.min(step, left))
    yield* settle
  }
})

/** Moves the clock until the attempt has an outcome; fails where it has none within an hour. */
export const ended = Effect.fnUntraced(function* (running: RunningAttempt, step = 500) {
  let outcome: Outcome | undefined
  yield* Effect.forkChild(
    Effect.map(running.outcome, (found) => {
      outcome = found
    })
  )
  yield* settle
  const until = (yield* Clock.currentTimeMillis) + 3_600_000
  while (outcome === undefined) {
    if ((yield* Clock.currentTimeMillis) > until) return yield* Effect.die(new Error("no outcome in an hour"))
    yield* advance(step, step)
  }
  return outcome as Outcome
})

/** Begins an attempt. */
export const begin = Effect.fnUntraced(function* (options: Options) {
  const told: Array<string> = []
  const site = fakeSite((asked, n) => {
    const answer = options.site(asked, n)
    if (stepOf(asked) === "state" && typeof answer === "object" && answer.status === 204)
      told.push(JSON.parse(asked.body).state)
    return answer
  })
  const settings = testSettings(options.settings)
  const heard = yield* Queue.unbounded<TaskHeard>()
  const sent: Array<ToTask> = []
  const lines: Array<Line> = []
  const known: Array<Outcome> = []
  const kills: Array<number> = []
  let isGone = false
  const gone = (how: TaskGone) =>
    Effect.suspend(() => {
      if (isGone) return Effect.void
      isGone = true
      return Effect.asVoid(Queue.offer(heard, { _tag: "Gone", how }))
    })
  const says = (message: FromTask) => Effect.asVoid(Queue.offer(heard, { _tag: "Said", message }))
  let id = 0
  const { obeys = "cancel" } = options
  const channel: TaskChannel = {
    pid: 4711,
    send: (message) =>
      Effect.gen(function* () {
        sent.push(message)
        if ("cancel" in message && obeys === "cancel") yield* gone({ _tag: "Exited", code: 0 })
      }),
    heard: Queue.take(heard),
    kill: Effect.gen(function* () {
      kills.push(yield* Clock.currentTimeMillis)
      yield* gone({ _tag: "Killed", signal: "SIGKILL", why: "the worker killed it" })
    })
  }
  const say = (level: string, event: string, more?: Line["more"]) =>
    Effect.sync(() => void lines.push({ level, event, ...(more === undefined ? {} : { more }) }))
  const log: TaskLog = {
    write: ({ event, level, ...more }) => say(String(level), String(event), more),
    wrote: (stream, line) => say(stream, line),
    say,
    flush: Effect.void
  }
  const masker = secretsMasker({ hideSensitiveFields: true, sensitiveNames: [], minLength: 5 })
  const job = testJob("t").command as ExecuteTask
  const client = yield* Effect.flatMap(ExecutionClients, ({ open }) =>
    open({ token: token(600, "workload"), carrier: options.task?.ti?.context_carrier })
  ).pipe(
    Effect.provide(
      ExecutionClients.layer.pipe(Layer.provide([site.layer, Layer.succeed(EdgeConfig, settings)]))
    )
  )
  const running = yield* attempt({
    task: { ...job, ...options.task },
    channel,
    client,
    log,
    masker,
    secrets: options.secrets ?? {
      connection: () => Effect.succeed(Option.none()),
      variable: () => Effect.succeed(Option.none())
    },
    xcomBackend: options.xcomBackend ?? {
      serialize: Effect.succeed,
      deserialize: Effect.succeed,
      purge: () => Effect.void
    },
    stateRetentionDays: settings.stateRetentionDays,
    holder: { name: "dag.t", taskInstanceId: tiId, hostname: "edge-1", unixname: "me", pid: channel.pid },
    heartbeats: heartbeatRules(settings),
    graceMillis: 5_000,
    overtimeMillis: Duration.toMillis(settings.taskSuccessOvertime),
    tellMillis: 300_000,
    known: (outcome) => Effect.sync(() => void known.push(outcome))
  })
  yield* settle
  const steps = () => site.asked.map((asked) => stepOf(asked)).filter((step) => step !== undefined)
  return {
    running,
    site,
    masker,
    lines,
    /** What the site has taken. */
    told,
    /** What the job comes to, as soon as that is known. */
    known,
    kills,
    sent,
    gone,
    says,
    wrote: (stream: "stdout" | "stderr", line: string) =>
      Effect.andThen(Queue.offer(heard, { _tag: "Wrote", stream, line }), settle),
    /** Says something and gives its number. */
    asks: (body: TaskRequest | TaskEnd) =>
      Effect.suspend(() => {
        id += 1
        return Effect.as(Effect.andThen(says({ id, body }), settle), id)
      }),
    answerTo: (id: number) => sent.find((message) => "id" in message && message.id === id),
    steps,
    /** The bodies of the states that the site was told. */
    states: () =>
      site.asked
        .filter((asked) => stepOf(asked) === "state")
        .map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>)
  }
})

/** Runs a test with clocks that the test moves. */
export const test = <A, E>(effect: Effect.Effect<A, E, import("effect/Scope").Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(monotonicOfClock))
