/** localServer: HTTP and HTTPS servers on a free port of this machine, closed with the scope. */
import { once } from "node:events"
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createTlsServer, type ServerOptions } from "node:https"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"

/** A running server and how many connections it has seen. */
export interface LocalServer {
  readonly port: number
  readonly server: Server
  readonly connections: () => number
}

const isAddress = (address: unknown): address is AddressInfo =>
  typeof address === "object" && address !== null && "port" in address

const start = (server: Server) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<LocalServer> => {
      let connections = 0
      server.on("connection", () => connections++)
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      return { server, port: isAddress(address) ? address.port : 0, connections: () => connections }
    }),
    ({ server }) =>
      Effect.callback<void>((done) => {
        server.close(() => done(Effect.void))
        server.closeAllConnections()
      })
  )

export const httpServer = (listener: RequestListener) => start(createServer(listener))

export const httpsServer = (options: ServerOptions, listener: RequestListener) =>
  start(createTlsServer(options, listener))
