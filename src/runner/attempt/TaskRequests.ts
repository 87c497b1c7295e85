/** TaskRequests: answers what a task asks for: from the backends, from the site, in the types of Airflow's task protocol. */
import * as Effect from "effect/Effect"
import type { LogLevel, TaskAnswer, TaskRequest } from "../../protocol/TaskComms.ts"
import type { ExecutionClient } from "./ExecutionClient.ts"
import { assets } from "./requests/assets.ts"
import { connections } from "./requests/connections.ts"
import { dagRuns } from "./requests/dagRuns.ts"
import type { Replies, Reply } from "./requests/reply.ts"
import { stores } from "./requests/stores.ts"
import { taskInstances } from "./requests/taskInstances.ts"
import { variables } from "./requests/variables.ts"
import { xcoms } from "./requests/xcoms.ts"
import type { SecretsBackends } from "./SecretsBackends.ts"
import type { SecretsMasker } from "./SecretsMasker.ts"
import type { XComBackend } from "./XComBackend.ts"

/** What the answers of one attempt come from. */
export interface Sources {
  readonly client: ExecutionClient
  /** The attempt's own task instance: what is asked about "this task" is asked about it, whatever the task says. */
  readonly taskInstanceId: string
  readonly masker: SecretsMasker
  readonly secrets: SecretsBackends["Service"]
  readonly xcomBackend: XComBackend["Service"]
  /** How long the site keeps what a task stores and does not say how long; 0 is for ever. */
  readonly stateRetentionDays: number
  /** For the task's log. */
  readonly say: (
    level: LogLevel,
    event: string,
    more?: Readonly<Record<string, unknown>>
  ) => Effect.Effect<void>
}

/** Whether a request changes something: then it keeps its place among the others. */
export const changes = ({ type }: TaskRequest): boolean =>
  /^(Set|Put|Delete|Clear|Trigger|Skip|Create)/.test(type)

/** All of the protocol, each by its type. */
const replies: Replies<TaskRequest["type"]> = {
  ...xcoms,
  ...variables,
  ...dagRuns,
  ...taskInstances,
  ...assets,
  ...stores,
  ...connections,
  MaskSecret: ({ name, value }, { masker }) =>
    Effect.as(
      Effect.sync(() => masker.add(value, name)),
      null
    )
}

/** Answers one request. Never fails: what goes wrong is the answer. */
export const replyTo = (request: TaskRequest, sources: Sources): Effect.Effect<Reply> => {
  // Each reply takes the request of its own key; TypeScript does not see that the two go together.
  const reply = replies[request.type] as (
    request: TaskRequest,
    sources: Sources
  ) => ReturnType<(typeof replies)["GetXCom"]>
  return reply(request, sources).pipe(
    Effect.map((body): Reply => ({ body: body as TaskAnswer, error: null })),
    Effect.catch((error) => {
      if (error._tag === "XComBackendFailed") {
        return Effect.succeed<Reply>({
          body: null,
          error: {
            type: "ErrorResponse",
            error: "GENERIC_ERROR",
            detail: { message: error.reason, exception_type: error._tag }
          }
        })
      }
      const detail =
        error.status === null
          ? { status_code: null, message: error.message, exception_type: error._tag }
          : { status_code: error.status, message: error.message, detail: error.body }
      return Effect.as(
        sources.say("error", "API server error", {
          request: request.type,
          status_code: error.status,
          detail: error.reason
        }),
        { body: null, error: { type: "ErrorResponse", error: "API_SERVER_ERROR", detail } } satisfies Reply
      )
    })
  )
}
