/** ControlSocket: the worker's end of the unix socket through which local commands talk to it. */
import { chmodSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ControlAnswer, ControlRequest, type WorkerStatus } from "../protocol/Control.ts"
import { StateFolder } from "./StateFolder.ts"

const LONGEST_REQUEST = 64 * 1024
const REQUEST_TIMEOUT_MILLIS = 10_000

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(ControlRequest))
const encode = Schema.encodeSync(Schema.fromJsonString(ControlAnswer))

/** What carries a request out, and then says how the worker is. */
export type ControlHandler = (request: ControlRequest) => Effect.Effect<WorkerStatus>

/** Serves the socket of the state folder, whose mode keeps other users out. */
export class ControlSocket extends Context.Service<ControlSocket, { readonly path: string }>()(
  "edge-worker/platform/ControlSocket"
) {
  /** One request a connection: a line of JSON in, a line of JSON out. */
  static readonly layer = (handler: ControlHandler): Layer.Layer<ControlSocket, never, StateFolder> =>
    Layer.effect(
      ControlSocket,
      Effect.gen(function* () {
        const { socketPath: path } = yield* StateFolder
        const answers = yield* FiberSet.make<void, never>()
        const run = yield* FiberSet.runtime(answers)<never>()
        // a request to stop may end the worker before it is answered: the answer still goes out
        const answered = Effect.timeoutOption(FiberSet.awaitEmpty(answers), "2 seconds")
        yield* listen(path, (socket) => run(closedOnDefect(socket, serve(socket, handler))), answered)
        return ControlSocket.of({ path })
      })
    )
}

const listen = (path: string, onConnection: (socket: Socket) => void, answered: Effect.Effect<unknown>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Server; readonly open: Set<Socket> }>((resume) => {
      // what lies there is a dead worker's: the state folder's lock is ours
      rmSync(path, { force: true })
      const open = new Set<Socket>()
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        open.add(socket)
        socket.on("close", () => open.delete(socket))
        socket.on("error", () => socket.destroy())
        onConnection(socket)
      })
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(path, () => {
        chmodSync(path, 0o600)
        resume(Effect.succeed({ server, open }))
      })
    }),
    ({ server, open }) =>
      Effect.gen(function* () {
        yield* Effect.sync(() => server.close())
        yield* answered
        for (const socket of open) socket.destroy()
      })
  )

/** The other end must not wait for an answer that will not come. */
const closedOnDefect = (socket: Socket, serving: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(serving, (cause) =>
    Effect.andThen(
      Effect.sync(() => socket.destroy()),
      Effect.logError("a local command could not be answered", cause)
    )
  )

const serve = Effect.fnUntraced(function* (socket: Socket, handler: ControlHandler) {
  const line = yield* firstLine(socket)
  if (line === undefined) return
  const answer: ControlAnswer = yield* decode(line).pipe(
    Effect.mapError((error) => `the request was not understood: ${error.message}`),
    Effect.flatMap(handler),
    Effect.catchCause((cause) => {
      const problem = Cause.squash(cause)
      const error = problem instanceof Error ? problem.message : String(problem)
      return Effect.as(Effect.logWarning("a local command could not be answered", { error }), { error })
    })
  )
  yield* Effect.callback<void>((resume) => {
    socket.once("close", () => resume(Effect.void))
    socket.end(`${encode(answer)}\n`, () => resume(Effect.void))
  })
})

/** `undefined` where the other end leaves, is silent or sends too much. */
const firstLine = (socket: Socket): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    let text = ""
    const done = (line: string | undefined) => {
      // the client ends its half after the request: from here on that says nothing
      socket
        .setTimeout(0)
        .removeAllListeners("data")
        .removeListener("end", gone)
        .removeListener("close", gone)
      if (line === undefined) socket.destroy()
      resume(Effect.succeed(line))
    }
    const gone = () => done(undefined)
    socket.setEncoding("utf8").setTimeout(REQUEST_TIMEOUT_MILLIS, gone)
    socket.on("end", gone).on("close", gone)
    socket.on("data", (chunk: string) => {
      text += chunk
      const end = text.indexOf("\n")
      if (end >= 0) done(text.slice(0, end))
      else if (text.length > LONGEST_REQUEST) done(undefined)
    })
  })
