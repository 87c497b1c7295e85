/** A job's trace: every span of it in one trace below the Dag run's, whichever loop makes it. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { TestClock } from "effect/testing"
import type { Job } from "../../src/protocol/Job.ts"
import { MemoryFileTail } from "../../src/testing/MemoryFileTail.ts"
import { type Central, down, TestCentral } from "../../src/testing/TestCentral.ts"
import { TestRunner } from "../../src/testing/TestRunner.ts"
import { testJob } from "../../src/testing/testJob.ts"
import {
  parentOf,
  pointOf,
  type TracePoint,
  timed,
  withJobSpan,
  withSpanAt
} from "../../src/worker/JobTrace.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { advance, within, withWorker } from "./harness.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const dagRunSpan = "b7ad6b7169203331"

/** The job as a site that traces hands it out. */
const traced = (task: string, traceparent: string): Job => {
  const job = testJob(task)
  if (job.command.type !== "ExecuteTask") return job
  return { ...job, command: { ...job.command, ti: { ...job.command.ti, context_carrier: { traceparent } } } }
}

/** A tracer that keeps its spans. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const first = (central: Central) => [...central.jobs.values()][0]
const log = "/logs/dag_id=dag/task_id=a/attempt=1.log"
const parentId = (span: Tracer.Span) => Option.map(span.parent, (parent) => parent.spanId)
const named = (spans: ReadonlyArray<Tracer.NativeSpan>, name: string) =>
  spans.filter((span) => span.name === name)

/** Runs one job to its end and gives the spans. */
const spansOf = (job: Job, outcome: "Succeeded" | "Failed") =>
  Effect.gen(function* () {
    const { spans, tracer } = recorder()
    yield* withWorker(
      {},
      Effect.gen(function* () {
        const central = yield* TestCentral
        const runner = yield* TestRunner
        const files = yield* MemoryFileTail
        yield* advance("30 seconds")
        yield* central.fault("fetch", { wait: Effect.sleep("2 seconds") })
        yield* central.addJob(job)
        const [started] = yield* within(
          "30 seconds",
          runner.until((jobs) => jobs.length === 1)
        )
        yield* central.fault("fetch", undefined)
        yield* files.append(log, "a line\n")
        yield* within(
          "10 seconds",
          central.until((c) => first(c)?.reported.length === 1 && first(c)?.log !== "")
        )
        // the end is told in an outage, by a loop that outlives the job's span
        yield* central.fault("report", { refuse: down })
        yield* started?.end(
          outcome === "Succeeded"
            ? { _tag: "Succeeded" }
            : { _tag: "Failed", reason: "exited with code 3", stderr: "Traceback", exitCode: 3 }
        ) ?? Effect.void
        yield* advance("3 minutes")
        yield* central.fault("report", undefined)
        yield* within(
          "10 minutes",
          central.until((c) => first(c)?.reported.length === 2)
        )
        yield* (yield* Worker).drain("the test ends")
      })
    ).pipe(Effect.withTracer(tracer))
    return spans
  })

describe("a job's trace", () => {
  it.effect("fetch, run, log push and reports are spans below the Dag run's", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(traced("a", `00-${traceId}-${dagRunSpan}-01`), "Succeeded")
      const [run, ...more] = named(spans, "JobRun.run")
      assert.lengthOf(more, 0)
      assert.isDefined(run)
      if (run === undefined) return
      assert.strictEqual(run.traceId, traceId)
      assert.deepStrictEqual(parentId(run), Option.some(dagRunSpan))
      assert.strictEqual(run.attributes.get("airflow.task_id"), "a")
      const children = spans.filter((span) => span.traceId === traceId && span !== run)
      const names = children
        .filter((span) => Option.getOrUndefined(parentId(span)) === run.spanId)
        .map((span) => span.name)
      assert.deepStrictEqual([...new Set(names)].sort(), ["JobFetch.ask", "LogPush.push", "Reports.send"])
      // running, the tries that failed in the outage, the one that came through
      assert.isAtLeast(named(children, "Reports.send").length, 3)
      assert.isTrue(children.every((span) => span.status._tag === "Ended" && span.sampled))
    })
  )

  it.effect("only the ask that brought the job is a span, with the time it really took", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(traced("a", `00-${traceId}-${dagRunSpan}-01`), "Succeeded")
      const asks = named(spans, "JobFetch.ask")
      assert.lengthOf(asks, 1)
      const [ask] = asks
      const [run] = named(spans, "JobRun.run")
      if (ask === undefined || run === undefined || ask.status._tag !== "Ended") return assert.fail("no ask")
      assert.strictEqual(ask.status.endTime - ask.status.startTime, 2_000_000_000n)
      assert.isAtMost(Number(run.status.startTime - ask.status.endTime), 1e9)
    })
  )

  it.effect("a failed job's span ends as an error with the reason", () =>
    Effect.gen(function* () {
      const [run] = named(yield* spansOf(testJob("a"), "Failed"), "JobRun.run")
      if (run?.status._tag !== "Ended") return assert.fail("the job's span has not ended")
      assert.isTrue(Exit.isFailure(run.status.exit))
      assert.include(String(run.status.exit), "exited with code 3")
    })
  )

  it.effect("without a context of the site, the job is a trace of its own", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(testJob("a"), "Succeeded")
      const [run] = named(spans, "JobRun.run")
      assert.isDefined(run)
      assert.isTrue(run !== undefined && Option.isNone(run.parent))
      for (const name of ["JobFetch.ask", "LogPush.push", "Reports.send"]) {
        const own = named(spans, name)
        assert.isAtLeast(own.length, 1, name)
        assert.isTrue(
          own.every((span) => span.traceId === run?.traceId),
          name
        )
      }
    })
  )

  it.effect("where no spans are made, what follows a job still belongs to its Dag run", () =>
    Effect.gen(function* () {
      const claim = {
        id: "c",
        job: traced("a", `00-${traceId}-${dagRunSpan}-01`),
        claimedAt: 0,
        expires: null
      }
      const { spans, tracer } = recorder()
      let found: TracePoint | undefined
      yield* pointOf(claim).pipe(
        Effect.tap((point) =>
          Effect.sync(() => {
            found = point
          })
        ),
        Effect.as(undefined),
        withJobSpan(claim, { from: 1n, to: 2n }),
        Effect.withTracer(tracer),
        Effect.withTracerEnabled(false)
      )
      assert.deepStrictEqual(found, { traceId, spanId: dagRunSpan, sampled: true })
      assert.lengthOf(spans, 0)
    })
  )

  it.effect("no attribute holds the job's token", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(testJob("a"), "Failed")
      assert.isAbove(spans.length, 3)
      for (const span of spans) {
        const { attributes, events, status } = span
        assert.notInclude(inspect({ attributes, events, status }, { depth: 9 }), "not-a-jwt")
      }
    })
  )
})

describe("the site's traceparent", () => {
  const claim = (traceparent: string) => ({
    id: "c",
    job: traced("a", traceparent),
    claimedAt: 0,
    expires: null
  })

  it("says whether the Dag run is sampled", () => {
    assert.strictEqual(parentOf(claim(`00-${traceId}-${dagRunSpan}-01`))?.sampled, true)
    assert.strictEqual(parentOf(claim(`00-${traceId}-${dagRunSpan}-00`))?.sampled, false)
  })

  it.each([
    "",
    "garbage",
    `ff-${traceId}-${dagRunSpan}-01`,
    `00-${"0".repeat(32)}-${dagRunSpan}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`
  ])("is no parent where it is not valid: %s", (traceparent) => {
    assert.isUndefined(parentOf(claim(traceparent)))
  })

  it.each([
    ["00", false],
    ["01", true],
    ["02", false],
    ["03", true],
    ["fe", false],
    ["ff", true]
  ])("with flags %s is sampled: %j", (flags, sampled) => {
    const parent = parentOf(claim(`00-${traceId}-${dagRunSpan}-${flags}`))
    assert.deepStrictEqual(parent && [parent.traceId, parent.spanId, parent.sampled], [
      traceId,
      dagRunSpan,
      sampled
    ])
  })

  it("of a later version may hold more", () => {
    assert.isDefined(parentOf(claim(`a1-${traceId}-${dagRunSpan}-01-more`)))
  })

  it.each([
    `x00-${traceId}-${dagRunSpan}-01`,
    `00-${traceId.slice(1)}-${dagRunSpan}-01`,
    `00-${traceId}-${dagRunSpan.slice(1)}-01`,
    `00-${traceId}-${dagRunSpan}-1`,
    `00-${traceId.toUpperCase()}-${dagRunSpan}-01`,
    `00-${traceId}-${dagRunSpan.toUpperCase()}-01`,
    `0-${traceId}-${dagRunSpan}-01`,
    `0x-${traceId}-${dagRunSpan}-01`
  ])("is no parent where a part is not as it must be: %s", (traceparent) => {
    assert.isUndefined(parentOf(claim(traceparent)))
  })

  it("is none where the site gives no text, and in a job that is no task", () => {
    const job = testJob("a")
    const { command } = job
    if (command.type !== "ExecuteTask") return assert.fail("a task")
    const of = (carrier: Record<string, unknown> | null | undefined) => {
      const ti = { ...command.ti, context_carrier: carrier }
      return parentOf({ ...claim(""), job: { ...job, command: { ...command, ti } as Job["command"] } })
    }
    assert.deepStrictEqual(
      [of(undefined), of(null), of({}), of({ traceparent: 1 })],
      Array(4).fill(undefined)
    )
    const callback = { type: "ExecuteCallback" } as unknown as Job["command"]
    assert.isUndefined(parentOf({ ...claim(""), job: { ...job, command: callback } }))
  })
})

describe("a span of a job, alone", () => {
  const claim = (traceparent?: string) => ({
    id: "c",
    job: traceparent === undefined ? testJob("a") : traced("a", traceparent),
    claimedAt: 0,
    expires: null
  })
  const recorded = <A, E>(effect: Effect.Effect<A, E>) => {
    const { spans, tracer } = recorder()
    return Effect.map(Effect.exit(Effect.withTracer(effect, tracer)), (exit) => ({ exit, spans }))
  }

  it.effect("says which job it is, and holds the ask before it", () =>
    Effect.gen(function* () {
      const job = claim(`00-${traceId}-${dagRunSpan}-00`)
      const { spans } = yield* recorded(withJobSpan(job, { from: 3n, to: 5n })(Effect.succeed(undefined)))
      const [run, ask] = spans
      assert.deepStrictEqual(Object.fromEntries(run?.attributes ?? []), {
        "airflow.dag_id": "dag",
        "airflow.task_id": "a",
        "airflow.dag_run.run_id": "run",
        "airflow.task_instance.try_number": 1,
        "airflow.task_instance.map_index": -1
      })
      assert.deepStrictEqual(ask?.status, { _tag: "Ended", startTime: 3n, endTime: 5n, exit: Exit.void })
      assert.deepStrictEqual(
        [ask?.name, ask?.kind, ask?.sampled, run?.sampled],
        ["JobFetch.ask", "internal", false, false]
      )
      assert.deepStrictEqual(ask === undefined ? undefined : parentId(ask), Option.fromNullishOr(run?.spanId))
      assert.deepStrictEqual([run?.links, ask?.links], [[], []])
    })
  )

  it.effect(
    "holds no ask where the job was found again; and is a root although another span is under way",
    () =>
      Effect.gen(function* () {
        const { spans } = yield* recorded(
          Effect.succeed(undefined).pipe(withJobSpan(claim(), undefined), Effect.withSpan("other"))
        )
        assert.deepStrictEqual(
          spans.map(({ name, parent }) => [name, Option.isNone(parent)]),
          [
            ["other", true],
            ["JobRun.run", true]
          ]
        )
      })
  )

  it.effect("ends as an error by the outcome only, and hides no other one", () =>
    Effect.gen(function* () {
      const failed = { _tag: "Failed", reason: "why", stderr: "" } as const
      const ofFailed = yield* recorded(withJobSpan(claim(), undefined)(Effect.succeed(failed)))
      assert.isTrue(Exit.isSuccess(ofFailed.exit))
      const succeeded = { _tag: "Succeeded" } as const
      const ofSucceeded = yield* recorded(withJobSpan(claim(), undefined)(Effect.succeed(succeeded)))
      assert.isTrue(Exit.isSuccess(ofSucceeded.exit))
      const ends = [ofFailed, ofSucceeded].map(({ spans: [span] }) =>
        span?.status._tag === "Ended" ? Exit.isSuccess(span.status.exit) : undefined
      )
      assert.deepStrictEqual(ends, [false, true])
      const error = yield* Effect.flip(withJobSpan(claim(), undefined)(Effect.fail("another")))
      assert.strictEqual(error, "another")
    })
  )

  it.effect("made later is below the point where the job was, or a root where there is none", () =>
    Effect.gen(function* () {
      const point = { traceId, spanId: dagRunSpan, sampled: false }
      const { spans } = yield* recorded(
        Effect.all([
          Effect.void.pipe(withSpanAt("below", point)),
          Effect.void.pipe(withSpanAt("root", undefined))
        ]).pipe(Effect.withSpan("other"))
      )
      const [, below, root] = spans
      assert.deepStrictEqual(below && [below.traceId, parentId(below), below.sampled], [
        traceId,
        Option.some(dagRunSpan),
        false
      ])
      assert.isTrue(root !== undefined && Option.isNone(root.parent))
    })
  )

  it.effect("is where a later one belongs; else the Dag run's is, else nothing", () =>
    Effect.gen(function* () {
      const { exit, spans } = yield* recorded(Effect.withSpan(pointOf(claim()), "here"))
      const [here] = spans
      assert.deepStrictEqual(
        exit,
        Exit.succeed({ traceId: here?.traceId ?? "", spanId: here?.spanId ?? "", sampled: true })
      )
      assert.deepStrictEqual(yield* pointOf(claim(`00-${traceId}-${dagRunSpan}-00`)), {
        traceId,
        spanId: dagRunSpan,
        sampled: false
      })
      assert.isUndefined(yield* pointOf(claim()))
    })
  )

  it.effect("is not made of an ask, whose time is kept", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { exit, spans } = yield* recorded(
        timed(Effect.withSpan(Effect.as(TestClock.adjust("2 seconds"), "answer"), "ask"))
      )
      assert.lengthOf(spans, 0)
      assert.deepStrictEqual(
        exit,
        Exit.succeed({ answer: "answer", asked: { from: 1_000_000_000n, to: 3_000_000_000n } })
      )
    })
  )
})
