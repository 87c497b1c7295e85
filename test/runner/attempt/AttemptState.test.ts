/** The machine of one try: each way to its end, and that every sequence of events comes to one end and one told state. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { TaskEnd } from "../../../src/protocol/TaskComms.ts"
import type { AttemptCommand, AttemptEvent } from "../../../src/runner/attempt/AttemptEvent.ts"
import { type AttemptState, beats, initial, transition } from "../../../src/runner/attempt/AttemptState.ts"
import type { TaskGone } from "../../../src/runner/attempt/TaskChannel.ts"

const at = "2026-01-01T00:00:00.000Z"

const run = (events: ReadonlyArray<AttemptEvent>) => {
  let state: AttemptState = initial
  const commands: Array<AttemptCommand> = []
  for (const event of events) {
    const next = transition(state, event)
    state = next.state
    commands.push(...next.commands)
  }
  return { state, commands }
}

const accepted = (retry = false): AttemptEvent => ({ _tag: "RunAccepted", retry, at })
const begun = (retry = false): ReadonlyArray<AttemptEvent> => [accepted(retry), { _tag: "Cleared" }]
const succeed: TaskEnd = { type: "SucceedTask", end_date: at }
const said = (end: TaskEnd, id = 7): AttemptEvent => ({ _tag: "Said", id, end, at })
const gone = (how: TaskGone): AttemptEvent => ({ _tag: "Gone", how, at })
const returned = gone({ _tag: "Returned" })
const told: AttemptEvent = { _tag: "Told" }
const notTold = (how: "decided" | "refused" | "unheard"): AttemptEvent => ({
  _tag: "NotTold",
  how,
  reason: "why",
  at
})
const term: AttemptEvent = { _tag: "StopAsked", how: "term" }
const kill: AttemptEvent = { _tag: "StopAsked", how: "kill" }
const graceOver: AttemptEvent = { _tag: "TimeUp", of: "grace" }
const overtime: AttemptEvent = { _tag: "TimeUp", of: "overtime" }
const lost: AttemptEvent = { _tag: "Lost", reason: "silence" }
const revoked: AttemptEvent = { _tag: "Revoked", how: "decided", reason: "not_running" }

const tags = (commands: ReadonlyArray<AttemptCommand>) =>
  commands.filter(({ _tag }) => _tag !== "Say").map(({ _tag }) => _tag)
const bodies = (commands: ReadonlyArray<AttemptCommand>) =>
  commands.flatMap((command) => (command._tag === "Tell" ? [command.body] : []))
const lines = (commands: ReadonlyArray<AttemptCommand>) =>
  commands.flatMap((command) => (command._tag === "Say" ? [command.event] : []))

const succeeded = { _tag: "Done", outcome: { _tag: "Succeeded" } }
const outcomeOf = (state: AttemptState) => (state._tag === "Done" ? state.outcome._tag : state._tag)

describe("a task that ends by itself", () => {
  it("is told, answered, and done when it is gone", () => {
    const { commands, state } = run([...begun(), said(succeed), told, returned])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands), ["Clear", "Begin", "Tell", "Answer", "Wait"])
    assert.deepStrictEqual(bodies(commands), [{ state: "success", end_date: at }])
  })

  it.each([
    [
      { type: "TaskState", state: "skipped" },
      { state: "skipped", end_date: at }
    ],
    [
      { type: "TaskState", state: "removed", end_date: "2026-01-02T00:00:00Z", rendered_map_index: null },
      { state: "removed", end_date: "2026-01-02T00:00:00Z" }
    ],
    [
      { type: "TaskState", state: "failed", rendered_map_index: "x" },
      { state: "failed", end_date: at, rendered_map_index: "x" }
    ],
    [
      { type: "RetryTask", end_date: at, retry_delay_seconds: 2.5, retry_reason: "r".repeat(600) },
      { state: "up_for_retry", end_date: at, retry_delay_seconds: 2.5, retry_reason: "r".repeat(500) }
    ],
    [
      { type: "DeferTask", classpath: "a.B", next_method: "go", trigger_kwargs: { a: 1 }, queue: null },
      { state: "deferred", classpath: "a.B", next_method: "go", trigger_kwargs: { a: 1 } }
    ],
    [
      { type: "RescheduleTask", reschedule_date: at, end_date: at },
      { state: "up_for_reschedule", reschedule_date: at, end_date: at }
    ],
    [
      { type: "AwaitInputTask", next_method: "go", timeout: "PT1H" },
      { state: "awaiting_input", next_method: "go", timeout: "PT1H" }
    ],
    [
      { type: "SucceedTask", end_date: at, task_outlets: null, outlet_events: [], rendered_map_index: "m" },
      { state: "success", end_date: at, outlet_events: [], rendered_map_index: "m" }
    ]
  ] as ReadonlyArray<readonly [TaskEnd, object]>)("tells %j", (end, body) => {
    assert.deepStrictEqual(bodies(run([...begun(), said(end)]).commands), [body as never])
  })

  it("may be gone before the site has answered", () => {
    const { commands, state } = run([...begun(), said(succeed), returned, told])
    assert.deepStrictEqual(state, succeeded as never)
    // Nobody is left to be answered.
    assert.deepStrictEqual(tags(commands), ["Clear", "Begin", "Tell"])
  })

  it("is done where the site has decided otherwise", () => {
    for (const events of [
      [notTold("decided"), returned],
      [returned, notTold("decided")]
    ]) {
      const { commands, state } = run([...begun(), said(succeed), ...events])
      assert.deepStrictEqual(state, succeeded as never)
      assert.deepStrictEqual(lines(commands), ["The site has decided otherwise than success: why"])
    }
  })

  it("is answered without a complaint of its own where one line in the log has said what the site did not take", () => {
    for (const how of ["decided", "unheard"] as const) {
      const { commands } = run([...begun(), said(succeed), notTold(how), told, returned])
      assert.deepStrictEqual(
        commands.filter(({ _tag }) => _tag === "Answer"),
        [{ _tag: "Answer", id: 7, refused: undefined }]
      )
      assert.strictEqual(lines(commands).length, 1, how)
    }
  })

  it("is told as failed, or up for retry, where the site does not take its word", () => {
    for (const retry of [false, true]) {
      for (const events of [
        [notTold("refused"), told, returned],
        [returned, notTold("refused"), told]
      ]) {
        const { commands, state } = run([...begun(retry), said(succeed), ...events])
        assert.deepStrictEqual(state, succeeded as never)
        assert.deepStrictEqual(
          bodies(commands).map(({ state }) => state),
          ["success", retry ? "up_for_retry" : "failed"]
        )
      }
    }
    const twice = run([...begun(), said(succeed), notTold("refused"), notTold("refused"), returned])
    assert.strictEqual(outcomeOf(twice.state), "Failed")
    assert.strictEqual(bodies(twice.commands).length, 2)
  })

  it("fails the job where the site could never be told", () => {
    const { state } = run([...begun(), said(succeed), returned, notTold("unheard")])
    assert.deepStrictEqual(
      state._tag === "Done" && state.outcome._tag === "Failed" && state.outcome.reason,
      "the site could not be told that the task is success: why"
    )
  })

  it("has its overtime, is asked to end, then killed", () => {
    const { commands, state } = run([...begun(), said(succeed), told, overtime, graceOver, returned])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands).slice(4), ["Wait", "Cancel", "Wait", "Kill"])
  })

  it("says its last word once", () => {
    const { commands } = run([...begun(), said(succeed), said({ type: "TaskState", state: "failed" }, 8)])
    assert.strictEqual(bodies(commands).length, 1)
    assert.deepStrictEqual(commands.at(-1), {
      _tag: "Answer",
      id: 8,
      refused: "this try takes no last word now"
    })
  })
})

describe("a task that is gone without a last word", () => {
  const oom: TaskGone = { _tag: "Killed", signal: "SIGKILL" }
  it.each([
    [{ _tag: "Exited", code: 3 }, "Process exited abnormally"],
    [oom, "Process terminated by signal. Likely out of memory error (OOM)."],
    [{ _tag: "Killed", signal: "SIGSEGV" }, "Process terminated by signal."],
    [
      { _tag: "Killed", signal: "SIGKILL", why: "the kernel was out of memory" },
      "Process terminated by signal: the kernel was out of memory."
    ],
    [
      { _tag: "Garbled", reason: "no JSON" },
      "Process killed: what it said is not the protocol of tasks (no JSON)"
    ],
    [{ _tag: "Returned" }, "The task has ended without saying how, and counts as failed"],
    [{ _tag: "Exited", code: 0 }, "The task has ended without saying how, and counts as failed"]
  ] as ReadonlyArray<readonly [TaskGone, string]>)("%j", (how, line) => {
    for (const retry of [false, true]) {
      const { commands, state } = run([...begun(retry), gone(how), told])
      assert.deepStrictEqual(state, succeeded as never)
      assert.strictEqual(bodies(commands)[0]?.state, retry ? "up_for_retry" : "failed")
      assert.deepStrictEqual(lines(commands), [line])
    }
  })

  it("before the site has let it run", () => {
    const { commands, state } = run([gone(oom), accepted(true), told])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(
      bodies(commands).map(({ state }) => state),
      ["up_for_retry"]
    )
    assert.strictEqual(
      outcomeOf(run([gone(oom), { _tag: "RunRefused", how: "refused", reason: "no" }]).state),
      "Failed"
    )
  })
})

describe("a task that must not run", () => {
  it.each([
    ["elsewhere", "Left"],
    ["decided", "Failed"],
    ["refused", "Failed"],
    ["unheard", "Failed"]
  ] as const)("run %s: %s, and no state is told", (how, outcome) => {
    const { commands, state } = run([{ _tag: "RunRefused", how, reason: "409" }, returned])
    assert.strictEqual(outcomeOf(state), outcome)
    assert.deepStrictEqual(tags(commands), ["Kill"])
    assert.deepStrictEqual(lines(commands), ["the site does not let this task run: 409"])
  })

  it("is asked, then killed when a heartbeat says so, and no state is told", () => {
    const { commands, state } = run([...begun(), revoked, said(succeed), graceOver, returned])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands).slice(2), ["Cancel", "Wait", "Answer", "Kill"])
    // The site itself wanted the end: the task has nothing to complain of.
    assert.deepInclude(commands, { _tag: "Answer", id: 7, refused: undefined })
    const elsewhere = run([...begun(), { ...revoked, how: "elsewhere" } as AttemptEvent, returned])
    assert.strictEqual(outcomeOf(elsewhere.state), "Left")
  })

  it("tells its own word where heartbeats fail for too long", () => {
    const { commands, state } = run([
      ...begun(true),
      lost,
      said({ type: "RetryTask", end_date: at }),
      told,
      returned
    ])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands).slice(2), ["Cancel", "Wait", "Tell", "Answer", "Wait"])
    const silent = run([
      ...begun(true),
      lost,
      graceOver,
      gone({ _tag: "Killed", signal: "SIGKILL", why: "we" }),
      told
    ])
    assert.deepStrictEqual(bodies(silent.commands), [
      { state: "up_for_retry", end_date: at, retry_reason: "silence" }
    ])
  })
})

describe("a task that the worker stops", () => {
  it("is asked; the worker has a grace of its own", () => {
    const { commands, state } = run([...begun(), term, returned, told])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands).slice(2), ["Cancel", "Tell"])
  })
  it("is killed, and its state is told", () => {
    const { commands } = run([
      ...begun(true),
      term,
      kill,
      gone({ _tag: "Killed", signal: "SIGKILL", why: "we" })
    ])
    assert.deepStrictEqual(tags(commands).slice(2), ["Cancel", "Kill", "Hurry", "Tell"])
    assert.strictEqual(bodies(commands)[0]?.state, "up_for_retry")
  })
  it("is killed where it has not begun, and the site hears of it if it had let it run", () => {
    const { commands, state } = run([term, accepted(), returned, told])
    assert.deepStrictEqual(state, succeeded as never)
    assert.deepStrictEqual(tags(commands), ["Kill", "Tell"])
    assert.deepStrictEqual(tags(run([accepted(), term]).commands), ["Clear", "Kill", "Hurry"])
  })
})

it("beats from the begin until the last word", () => {
  const states = [...begun(), said(succeed), told].map((_, n, all) => beats(run(all.slice(0, n + 1)).state))
  assert.deepStrictEqual(states, [true, true, false, false])
})

/** What a site and a task may do, in any order; whoever owes an answer gives it once, and a task ends after a kill. */
const anything = fc.record({
  retry: fc.boolean(),
  choices: fc.array(fc.nat({ max: 19 }), { maxLength: 40 })
})

it("comes to one outcome and at most one state that the site has taken, whatever happens", () => {
  fc.assert(
    fc.property(anything, ({ choices, retry }) => {
      let state: AttemptState = initial
      let isGone = false
      let killed = false
      const asked = new Set<"run" | "clear" | "tell">(["run"])
      let taken = 0
      let id = 0
      const answered = new Map<number, number>()
      const outcomes: Array<unknown> = []
      const feed = (event: AttemptEvent) => {
        const before = state
        const { commands, state: next } = transition(state, event)
        state = next
        if (state._tag === "Done" && before._tag !== "Done") outcomes.push(state.outcome)
        if (before._tag === "Done") assert.strictEqual(state, before)
        for (const command of commands) {
          if (command._tag === "Clear") asked.add("clear")
          if (command._tag === "Tell") {
            assert.isFalse(asked.has("tell"), "told while another word is under way")
            assert.strictEqual(taken, 0, "told after a state was taken")
            asked.add("tell")
          }
          if (command._tag === "Kill") killed = true
          if (command._tag === "Answer") answered.set(command.id, (answered.get(command.id) ?? 0) + 1)
        }
      }
      const leave = (how: TaskGone) => {
        if (isGone) return
        isGone = true
        feed(gone(how))
      }
      const refusals = ["decided", "refused", "unheard"] as const
      const site = (choice: number) => {
        const what = [...asked].at(-1)
        if (what !== undefined) asked.delete(what)
        if (what === "run")
          return feed(
            choice < 3
              ? accepted(retry)
              : {
                  _tag: "RunRefused",
                  how: ([...refusals, "elsewhere"] as const)[choice % 4] ?? "refused",
                  reason: "x"
                }
          )
        if (what === "clear")
          return feed(choice < 3 ? { _tag: "Cleared" } : { _tag: "NotCleared", reason: "x" })
        if (what === undefined) return
        if (choice >= 3) return feed(notTold(refusals[choice % 3] ?? "refused"))
        taken += 1
        feed(told)
      }
      const ends: ReadonlyArray<TaskEnd> = [
        succeed,
        { type: "TaskState", state: "failed" },
        { type: "RetryTask", end_date: at }
      ]
      const does = (choice: number) => {
        if (choice < 6) return site(choice)
        if (choice < 9) return isGone ? undefined : feed(said(ends[choice - 6] ?? succeed, ++id))
        if (choice === 9) return leave({ _tag: "Returned" })
        if (choice === 10) return leave({ _tag: "Exited", code: 1 })
        if (choice === 11) return leave({ _tag: "Killed", signal: "SIGKILL" })
        return feed(
          [
            term,
            kill,
            graceOver,
            overtime,
            lost,
            revoked,
            { ...revoked, how: "elsewhere" } as AttemptEvent,
            term
          ][choice - 12] ?? term
        )
      }
      for (const choice of choices) does(choice)
      // Everybody owes an end: deadlines come, a kill is obeyed, the site answers.
      for (let n = 0; n < 8 && state._tag !== "Done"; n++) {
        feed(kill)
        if (killed) leave({ _tag: "Killed", signal: "SIGKILL", why: "we" })
        site(0)
        feed(graceOver)
        feed(overtime)
      }
      assert.strictEqual(state._tag, "Done")
      assert.strictEqual(outcomes.length, 1)
      assert.isAtMost(taken, 1)
      for (const count of answered.values()) assert.strictEqual(count, 1)
    }),
    { numRuns: 3000 }
  )
})
