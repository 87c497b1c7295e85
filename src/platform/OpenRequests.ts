/** OpenRequests: a server's requests at its start and its end: none waits for ever, none that is under way is cut off. */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What becomes of a server's connections. */
export interface OpenRequests {
  /** The handler is there: what came before it is handed over. */
  readonly ready: Effect.Effect<void>
  /**
   * Listens no more, ends connections on which nothing is asked, lets requests end that are under way, and cuts off
   * what takes longer than that.
   */
  readonly drain: (patience: Duration.Input) => Effect.Effect<void>
}

const place = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

/**
 * Watches a server that does not listen yet. A server listens before its handler is made, and Node drops a request that
 * nobody handles without an answer: its client would wait for ever. And what is answered after `close()` keeps its
 * connection, which `close()` then waits for.
 */
export const openRequests = (server: Server): OpenRequests => {
  /** What is not answered yet, by connection; those that have asked nothing are there too. */
  const connections = new Map<Socket, Set<ServerResponse>>()
  /** Connections whose TLS is not agreed on yet. */
  const greeting = new Map<string, Socket>()
  const early: Array<readonly [IncomingMessage, ServerResponse]> = []
  let isReady = false
  let isEnding = false

  const opened = (socket: Socket) => {
    greeting.delete(place(socket))
    connections.set(socket, new Set())
    socket.once("close", () => connections.delete(socket))
  }
  /** The answer says that the connection ends with it, where it can still say so. */
  const isLast = (response: ServerResponse) => {
    response.shouldKeepAlive = false
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const open = connections.get(request.socket)
    open?.add(response)
    if (isEnding) isLast(response)
    response.once("close", () => {
      open?.delete(response)
      if (isEnding && open?.size === 0) request.socket.destroySoon()
    })
    if (!isReady) early.push([request, response])
  }
  server.on("request", onRequest)
  if ("setSecureContext" in server) {
    server.on("connection", (socket: Socket) => {
      const from = place(socket)
      greeting.set(from, socket)
      socket.once("close", () => greeting.delete(from))
    })
    server.on("secureConnection", (socket: TLSSocket) => opened(socket))
  } else server.on("connection", opened)

  const end = (resume: (done: Effect.Effect<void>) => void) => {
    isEnding = true
    if (server.listening) server.close(() => resume(Effect.void))
    else resume(Effect.void)
    for (const socket of greeting.values()) socket.destroy()
    for (const [socket, open] of connections) {
      if (open.size === 0) socket.destroy()
      else for (const response of open) isLast(response)
    }
  }
  return {
    ready: Effect.sync(() => {
      isReady = true
      // not before: who listens for these has to tell the client to go on
      server.on("checkContinue", onRequest)
      const handlers = server.listeners("request").filter((handler) => handler !== onRequest)
      for (const [request, response] of early.splice(0))
        for (const handler of handlers) handler(request, response)
    }),
    drain: (patience) =>
      Effect.callback<void>(end).pipe(
        Effect.timeoutOption(patience),
        Effect.andThen(
          Effect.sync(() => {
            for (const socket of [...greeting.values(), ...connections.keys()]) socket.destroy()
          })
        )
      )
  }
}
