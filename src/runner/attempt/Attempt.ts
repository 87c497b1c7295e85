/** Attempt: one try of one task, from the question whether it may run until the site has heard how it ended. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { ExecuteTask } from "../../protocol/Job.ts"
import type { TaskEnd, TaskRequest, TIRunContext } from "../../protocol/TaskComms.ts"
import type { Outcome } from "../Runner.ts"
import type { AttemptCommand, AttemptEvent, Refusal } from "./AttemptEvent.ts"
import { type AttemptState, beats, initial, outcomeOf, serves, transition } from "./AttemptState.ts"
import { enterRunning, runRefusal, tellState } from "./attemptCalls.ts"
import type { ExecutionClient } from "./ExecutionClient.ts"
import type { HeartbeatRules } from "./executionPatience.ts"
import { beat, type Holder } from "./heartbeats.ts"
import { requestOrder } from "./requestOrder.ts"
import type { Reply } from "./requests/reply.ts"
import { xcoms } from "./requests/xcoms.ts"
import type { TaskChannel, TaskGone, TaskHeard } from "./TaskChannel.ts"
import type { TaskLog } from "./TaskLog.ts"
import { changes, replyTo, type Sources } from "./TaskRequests.ts"

/** What one attempt is made of. */
export interface AttemptParts
  extends Pick<Sources, "masker" | "secrets" | "xcomBackend" | "stateRetentionDays"> {
  readonly task: ExecuteTask
  readonly channel: TaskChannel
  readonly client: ExecutionClient
  readonly log: TaskLog
  readonly holder: Holder
  readonly heartbeats: HeartbeatRules
  /** How long a task may take that was asked to end because the site, or its overtime, says so. */
  readonly graceMillis: number
  readonly overtimeMillis: number
  /** How long a last word is told at least, also where the token has ended. */
  readonly tellMillis: number
  /** Called once, as soon as the site has decided: from here on the outcome is known, whatever happens to this process. */
  readonly known?: ((outcome: Outcome) => Effect.Effect<void>) | undefined
}

/** A task that runs, or is asked for. */
export interface RunningAttempt {
  /** Ends when nothing of the task runs any more and the site has heard how it ended, or never will. */
  readonly outcome: Effect.Effect<Outcome>
  /** `term` asks the task to end, `kill` ends it. The site hears its state after both. */
  readonly stop: (how: "term" | "kill") => Effect.Effect<void>
}

/** How long what is under way may take once the worker wants to be gone. */
const lastCallMillis = 30_000
/** More requests than these at once are a fault of the task; it could fill our memory with them. */
const mostRequests = 1_000
/** Characters that are shown of what is no message. */
const mostSaid = 200

const nowText = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString())

const isEnd = (body: TaskRequest | TaskEnd): body is TaskEnd =>
  ["SucceedTask", "TaskState", "RetryTask", "DeferTask", "RescheduleTask", "AwaitInputTask"].includes(
    body.type
  )

const failedReply = (message: string): Reply => ({
  body: null,
  error: { type: "ErrorResponse", error: "GENERIC_ERROR", detail: { message } }
})

const abandoned = failedReply("the task has said its last word")

/** Begins an attempt. It goes on in the scope; where that ends before the outcome, the attempt is forgotten. */
export const attempt = Effect.fnUntraced(function* (
  parts: AttemptParts
): Effect.fn.Return<RunningAttempt, never, Scope.Scope> {
  const { channel, client, holder, log, task } = parts
  const outer = yield* Effect.scope
  const scope = yield* Scope.fork(outer)
  const outcome = yield* Deferred.make<Outcome>()
  const inbox = yield* Queue.unbounded<AttemptEvent>()
  const hurry = yield* Deferred.make<void>()
  const saidLast = yield* Deferred.make<void>()
  const order = requestOrder()
  const sources: Sources = {
    ...parts,
    taskInstanceId: holder.taskInstanceId,
    // In the order of the calls: a line has its place before its writer waits.
    say: log.say
  }
  let state: AttemptState = initial
  let context: TIRunContext | undefined
  let requests = 0
  let ending = false

  const fork = <A>(effect: Effect.Effect<A>) =>
    Effect.asVoid(Effect.forkIn(effect, scope, { startImmediately: true }))
  const post = (event: AttemptEvent) => Effect.asVoid(Queue.offer(inbox, event))
  /** Ends by itself, or a little after the worker wanted to be gone. */
  const hurried = <A>(effect: Effect.Effect<A>, late: A) =>
    Effect.raceFirst(
      effect,
      Deferred.await(hurry).pipe(Effect.andThen(Effect.sleep(lastCallMillis)), Effect.as(late))
    )
  /** A defect, such as of a backend that a program brings along, must leave nobody waiting. */
  const safe = <A>(effect: Effect.Effect<A>, otherwise: (reason: string) => A) =>
    Effect.catchDefect(effect, (defect) =>
      Effect.as(
        Effect.logError(`the attempt of ${holder.name} failed in a part`, defect),
        otherwise(`the worker failed: ${String(defect)}`)
      )
    )
  const late = { how: "unheard", reason: "the worker was stopped while the site was away" } as const

  const ask = Effect.gen(function* () {
    const at = yield* nowText
    const asked = enterRunning(client, holder, at).pipe(
      Effect.match({
        onSuccess: (found): AttemptEvent => {
          context = found
          return { _tag: "RunAccepted", retry: found.should_retry ?? false, at }
        },
        onFailure: (error): AttemptEvent => ({ _tag: "RunRefused", ...runRefusal(error) })
      })
    )
    const safely = safe<AttemptEvent>(asked, (reason) => ({ _tag: "RunRefused", how: "unheard", reason }))
    yield* post(yield* hurried(safely, { _tag: "RunRefused", ...late }))
  })

  /** What a former try left would be read as this one's. */
  const clear = Effect.gen(function* () {
    const { dag_id, map_index, run_id, task_id } = task.ti
    const at = { dag_id, run_id, task_id, map_index: map_index ?? -1 }
    return yield* Effect.forEach(
      context?.xcom_keys_to_clear ?? [],
      (key) =>
        xcoms.DeleteXCom({ type: "DeleteXCom", key, ...at }, sources).pipe(
          // It is gone already.
          Effect.catchIf(
            (error) => error._tag === "ExecutionRefused" && error.status === 404,
            () => Effect.void
          )
        ),
      { discard: true }
    ).pipe(
      Effect.as<AttemptEvent>({ _tag: "Cleared" }),
      Effect.catch(({ reason }) => Effect.succeed<AttemptEvent>({ _tag: "NotCleared", reason }))
    )
  })

  const begin = Effect.gen(function* () {
    if (context === undefined) return
    const { bundle_info, dag_rel_path, sentry_integration = "", ti } = task
    yield* channel.send({
      details: {
        type: "StartupDetails",
        ti,
        dag_rel_path,
        bundle_info,
        start_date: context.start_date ?? (yield* nowText),
        ti_context: context,
        sentry_integration
      }
    })
  })

  const tell = (body: Extract<AttemptCommand, { _tag: "Tell" }>["body"]) =>
    Effect.gen(function* () {
      const telling = safe<Refusal | undefined>(
        tellState(client, holder, body, parts.tellMillis),
        (reason) => ({ how: "unheard", reason })
      )
      const refusal = yield* hurried(telling, late)
      if (refusal !== undefined) return yield* post({ _tag: "NotTold", ...refusal, at: yield* nowText })
      yield* post({ _tag: "Told" })
    })

  /** Does what the machine says. Nothing here waits: the loop must hear the next event. */
  const perform = (command: AttemptCommand): Effect.Effect<void> => {
    switch (command._tag) {
      case "Clear":
        return fork(
          Effect.flatMap(
            safe<AttemptEvent>(clear, (reason) => ({ _tag: "NotCleared", reason })),
            post
          )
        )
      case "Begin":
        return begin
      case "Cancel":
        return channel.send({ cancel: true })
      case "Kill":
        return fork(channel.kill)
      case "Wait": {
        const millis = command.of === "grace" ? parts.graceMillis : parts.overtimeMillis
        return fork(Effect.andThen(Effect.sleep(millis), post({ _tag: "TimeUp", of: command.of })))
      }
      case "Tell":
        return fork(tell(command.body))
      case "Hurry":
        return Effect.asVoid(Deferred.succeed(hurry, undefined))
      case "Answer": {
        const { id, refused } = command
        return channel.send({
          id,
          ...(refused === undefined ? { body: null, error: null } : failedReply(refused))
        })
      }
      case "Say":
        return fork(log.say(command.level, command.event, command.more))
    }
  }

  const request = (id: number, body: TaskRequest) => {
    if (!serves(state)) return channel.send({ id, ...failedReply("the site does not hear this try now") })
    if (requests >= mostRequests)
      return channel.send({ id, ...failedReply(`more than ${mostRequests} requests at once`) })
    requests += 1
    const reply = hurried(
      safe(
        Effect.suspend(() => replyTo(body, sources)),
        failedReply
      ),
      failedReply(late.reason)
    )
    // Who asked before its last word and did not wait for the answer has no use for it, and shall not wait for it either.
    const read = ending
      ? reply
      : Effect.suspend(() =>
          ending
            ? Effect.succeed(abandoned)
            : Effect.raceFirst(reply, Effect.as(Deferred.await(saidLast), abandoned))
        )
    return fork(
      (changes(body) ? order.changing(reply) : order.reading(read)).pipe(
        Effect.flatMap((answer) => channel.send({ id, ...answer })),
        Effect.ensuring(
          Effect.sync(() => {
            requests -= 1
          })
        )
      )
    )
  }

  /** What is said of the end is for the site too, not only for the log. */
  const withoutSecrets = (how: TaskGone): TaskGone =>
    how._tag === "Garbled" && how.said !== undefined
      ? { ...how, said: parts.masker.redactText(how.said, mostSaid) }
      : how

  const hear = (heard: TaskHeard): Effect.Effect<void> => {
    switch (heard._tag) {
      case "Wrote":
        return log.wrote(heard.stream, heard.line)
      case "Gone": {
        const how = withoutSecrets(heard.how)
        const gone = Effect.flatMap(nowText, (at) => post({ _tag: "Gone", how, at }))
        // The last word waits for what was asked before it, and must not come after the end.
        return ending ? fork(order.changing(gone)) : gone
      }
      case "Said": {
        const { message } = heard
        if ("log" in message) return log.write(message.log)
        const { body, id } = message
        if (!isEnd(body)) {
          // At once: the next line may have it.
          return body.type === "MaskSecret"
            ? Effect.flatMap(replyTo(body, sources), (answer) => channel.send({ id, ...answer }))
            : request(id, body)
        }
        ending = true
        const said = Effect.flatMap(nowText, (at) => post({ _tag: "Said", id, end: body, at }))
        return Effect.andThen(Deferred.succeed(saidLast, undefined), fork(order.changing(said)))
      }
    }
  }

  /** The lines of a task wait for the disk here, and hold up nothing but the task. */
  const listen = Effect.gen(function* () {
    while (true) {
      const heard = yield* channel.heard
      yield* hear(heard)
      if (heard._tag === "Gone") return
    }
  })

  const live = Effect.gen(function* () {
    let beating = false
    let isKnown = false
    while (state._tag !== "Done") {
      const event = yield* Queue.take(inbox)
      const { commands, state: next } = transition(state, event)
      state = next
      const known = outcomeOf(state)
      if (!isKnown && known !== undefined) {
        isKnown = true
        // Before the task hears of it.
        if (parts.known !== undefined) yield* safe(parts.known(known), () => undefined)
      }
      yield* Effect.forEach(commands, perform, { discard: true })
      if (!beating && beats(state)) {
        beating = true
        yield* fork(
          beat(client, holder, parts.heartbeats, () => beats(state)).pipe(
            Effect.flatMap((found) => (found === undefined ? Effect.void : post(found)))
          )
        )
      }
    }
    yield* log.flush
    return state.outcome
  })

  yield* fork(ask)
  yield* fork(listen)
  yield* Effect.forkIn(
    Effect.onExit(live, (exit) =>
      // What still waits, such as a deadline, has nothing to say any more.
      Effect.andThen(Scope.close(scope, Exit.void), Deferred.done(outcome, exit))
    ),
    outer
  )
  return {
    outcome: Deferred.await(outcome),
    stop: (how) => post({ _tag: "StopAsked", how })
  } satisfies RunningAttempt
})
