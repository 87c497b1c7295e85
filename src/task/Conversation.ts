/** Conversation: many requests on one line to the attempt, each with a number that its answer repeats. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  ErrorResponse,
  type LogEvent,
  type StartupDetails,
  type TaskAnswer,
  TaskEnd,
  TaskRequest,
  type ToTask
} from "../protocol/TaskComms.ts"
import { asked } from "./asked.ts"
import { read } from "./jsonValue.ts"
import type { ConnectionClosed, TaskConnection } from "./TaskConnection.ts"
import { NotFound, type RequestError, TaskRequestFailed } from "./TaskRequestFailed.ts"

/** A task's line to its attempt, as the rest of the task uses it. */
export interface Conversation {
  /** Fails once the line is closed. */
  readonly ask: (body: TaskRequest | TaskEnd) => Effect.Effect<TaskAnswer, RequestError>
  /** Says nothing any more once the task has ended: the line is the next task's then. */
  readonly log: (event: LogEvent) => void
  /** Ends when the attempt wants the task to end, or cannot be heard any more. */
  readonly cancelled: Effect.Effect<"cancelled" | "closed">
}

const Body = Schema.Union([TaskRequest, TaskEnd])
const isBody: (body: unknown) => boolean = Schema.is(Body)
const isErrorResponse = Schema.is(ErrorResponse)

const refusal = (body: TaskRequest | TaskEnd, { error, detail }: ErrorResponse): RequestError =>
  error.endsWith("_NOT_FOUND")
    ? new NotFound({ what: asked(body) })
    : new TaskRequestFailed({ request: body.type, error, detail: detail ?? {} })

/** Waits for the details, the first that a task hears; a task that is cancelled before has none. */
export const firstDetails = Effect.fnUntraced(function* (connection: TaskConnection) {
  while (true) {
    const message = yield* connection.receive
    if ("details" in message) return message.details
    if ("cancel" in message) return undefined
  }
}) satisfies (connection: TaskConnection) => Effect.Effect<StartupDetails | undefined, ConnectionClosed>

/** Listens until its scope ends. */
export const open = Effect.fnUntraced(function* (connection: TaskConnection) {
  const waiting = new Map<
    number,
    { readonly body: TaskRequest | TaskEnd; readonly answer: Deferred.Deferred<TaskAnswer, RequestError> }
  >()
  const cancelled = yield* Deferred.make<"cancelled" | "closed">()
  let last = 0
  /** Why nothing more is heard. */
  let closed: string | undefined

  const hear = (message: ToTask): Effect.Effect<unknown> => {
    if ("cancel" in message) return Deferred.succeed(cancelled, "cancelled")
    if ("details" in message) return Effect.void
    const question = waiting.get(message.id)
    if (question === undefined) return Effect.void
    waiting.delete(message.id)
    // Airflow says "not found" in the place of the body, and what failed in the place of the error
    const refused = message.error ?? (isErrorResponse(message.body) ? message.body : undefined)
    return refused === undefined
      ? Deferred.succeed(question.answer, message.body)
      : Deferred.fail(question.answer, refusal(question.body, refused))
  }

  const close = (why: string) => {
    closed = why
    return Effect.forEach(waiting.values(), ({ answer, body }) => Deferred.fail(answer, unheard(body, why)))
  }
  const unheard = (body: TaskRequest | TaskEnd, reason: string) =>
    new TaskRequestFailed({ request: body.type, error: "GENERIC_ERROR", detail: { reason } })
  yield* connection.receive.pipe(
    Effect.flatMap(hear),
    Effect.forever,
    Effect.catch(({ reason }) => Effect.andThen(close(reason), Deferred.succeed(cancelled, "closed"))),
    Effect.forkScoped
  )

  // what a task has left running and still asks when it has ended
  yield* Effect.addFinalizer(() => close("the task has ended"))

  const ask = (body: TaskRequest | TaskEnd) =>
    Effect.gen(function* () {
      // who has no types must not get the whole task killed for what is no message
      if (!isBody(body)) yield* read(`the request ${body.type}`, Body, body)
      if (closed !== undefined) return yield* unheard(body, closed)
      const answer = yield* Deferred.make<TaskAnswer, RequestError>()
      const id = ++last
      waiting.set(id, { body, answer })
      connection.send({ id, body })
      return yield* Effect.onInterrupt(Deferred.await(answer), () => Effect.sync(() => waiting.delete(id)))
    })

  const log = (event: LogEvent) => {
    if (closed === undefined) connection.send({ log: event })
  }
  return { ask, log, cancelled: Deferred.await(cancelled) } satisfies Conversation
})
