/** ControlClient: the local commands' end of the worker's unix socket. */
import { createConnection } from "node:net"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ControlAnswer, type ControlRequest, type WorkerStatus } from "../protocol/Control.ts"

/** Nobody listens at the path. */
export class NobodyListens extends Schema.TaggedError<NobodyListens>()("NobodyListens", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `no worker listens at ${this.path} (${this.reason})`
  }
}

/** The worker took the request, and no answer that can be read came back. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", { reason: Schema.String }) {
  override get message() {
    return `the worker did not answer: ${this.reason}`
  }
}

/** A worker answers at once; what takes longer than this hangs. */
const ANSWER_TIMEOUT_MILLIS = 10_000

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(ControlAnswer))

/** Asks once and gives the worker's status after it has done what was asked. */
export const ask = (
  path: string,
  request: ControlRequest
): Effect.Effect<WorkerStatus, NobodyListens | NoAnswer> =>
  Effect.callback<string, NobodyListens | NoAnswer>((resume) => {
    let connected = false
    let text = ""
    const socket = createConnection(path, () => {
      connected = true
      socket.end(`${JSON.stringify(request)}\n`)
    })
    const fail = (reason: string) => {
      socket.destroy()
      resume(Effect.fail(connected ? new NoAnswer({ reason }) : new NobodyListens({ path, reason })))
    }
    socket.setEncoding("utf8").setTimeout(ANSWER_TIMEOUT_MILLIS, () => fail("it is silent for 10 s"))
    socket.on("error", (error) => fail(error.message))
    socket.on("data", (chunk: string) => {
      text += chunk
    })
    socket.on("end", () => (text === "" ? fail("it closed the connection") : resume(Effect.succeed(text))))
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.flatMap((line) =>
      Effect.mapError(
        decode(line),
        (error) => new NoAnswer({ reason: `its answer is not understood: ${error.message}` })
      )
    ),
    Effect.flatMap((answer) =>
      "error" in answer ? Effect.fail(new NoAnswer({ reason: answer.error })) : Effect.succeed(answer)
    )
  )
