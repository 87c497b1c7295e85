/** ask: one request of a task, and its answer as the schema describes it. */
import * as Effect from "effect/Effect"
import type { TaskRequest } from "../protocol/TaskComms.ts"
import { type Reads, read } from "./jsonValue.ts"
import { TaskClient } from "./TaskClient.ts"
import { TaskContext } from "./TaskContext.ts"
import type { RequestError } from "./TaskRequestFailed.ts"

/** What the functions that ask need. */
export type Asking = TaskClient | TaskContext

/** Asks, and reads the answer. */
export const ask = Effect.fnUntraced(function* <A>(request: TaskRequest, answer: Reads<A>) {
  const client = yield* TaskClient
  return yield* read(`the answer to ${request.type}`, answer, yield* client.ask(request))
})

/** Asks for something that has no answer. */
export const tell = (request: TaskRequest): Effect.Effect<void, RequestError, TaskClient> =>
  TaskClient.use((client) => Effect.asVoid(client.ask(request)))

/** Asks with what only the context knows. */
export const askWith = <A>(
  request: (context: TaskContext["Service"]) => TaskRequest,
  answer: Reads<A>
): Effect.Effect<A, RequestError, Asking> => TaskContext.use((context) => ask(request(context), answer))

/** Tells with what only the context knows. */
export const tellWith = (
  request: (context: TaskContext["Service"]) => TaskRequest
): Effect.Effect<void, RequestError, Asking> => TaskContext.use((context) => tell(request(context)))
