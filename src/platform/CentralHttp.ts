/** CentralHttp: the socket that the embedded central listens on: loopback, or TLS, or behind a proxy that is named. */
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import type { Server } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { CentralConfig, type CentralSettings } from "../config/CentralConfig.ts"
import { openRequests } from "./OpenRequests.ts"
import { exposure, trustedPeers } from "./TrustedPeers.ts"

/** The central does not listen there. */
export class BindRefused extends Schema.TaggedError<BindRefused>()("BindRefused", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** Another program listens there. */
export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  host: Schema.String,
  port: Schema.Int
}) {
  override get message() {
    return `cannot listen on ${this.host} port ${this.port}: another program listens there. Another port: --port N or [edge_central] port, 0 for any that is free`
  }
}

/** How long requests that are under way may take after the end was asked for. */
const grace = "1 second"

const limits: https.ServerOptions = {
  // A request that trickles in holds a connection no longer than this.
  requestTimeout: 60_000,
  headersTimeout: 20_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 32_768
}

const pem = (key: string, path: string) =>
  Effect.try({
    try: () => readFileSync(path),
    catch: (error) => new BindRefused({ reason: `[edge_central] ${key} cannot be read: ${String(error)}` })
  })

/** The configuration has said so before; who embeds a central may have made settings of their own. */
const check = (settings: CentralSettings) => {
  const problem = exposure(settings)
  const peers = trustedPeers(settings.trustedProxy)
  if (problem !== undefined) return Effect.fail(new BindRefused({ reason: problem }))
  return "wrong" in peers
    ? Effect.fail(new BindRefused({ reason: `no address and no network: ${peers.wrong.join(", ")}` }))
    : Effect.succeed(peers.accepts)
}

const noListening = ({ host, port }: CentralSettings, cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  if (code === "EADDRINUSE") return new PortTaken({ host, port })
  const why: Readonly<Record<string, string>> = {
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "this user may not"
  }
  return new BindRefused({ reason: `cannot listen on ${host} port ${port}: ${why[code] ?? String(cause)}` })
}

/** So that nobody takes all of the process's memory and file descriptors; said once a minute at most. */
const limitConnections = Effect.fnUntraced(function* (server: Server, most: number) {
  const refused = yield* Queue.sliding<void>(1)
  server.maxConnections = most
  server.on("drop", () => Queue.offerUnsafe(refused, undefined))
  yield* Queue.take(refused).pipe(
    Effect.andThen(
      Effect.logWarning(`more than ${most} connections, others are closed: [edge_central] max_connections`)
    ),
    Effect.andThen(Effect.sleep("1 minute")),
    Effect.forever,
    Effect.forkScoped
  )
})

const make = Effect.gen(function* () {
  const settings = yield* CentralConfig
  const { host, maxConnections, maxRequestSize, port, tlsCert, tlsKey, trustedProxy } = settings
  const accepts = yield* check(settings)
  const tls =
    tlsCert === undefined || tlsKey === undefined
      ? undefined
      : { cert: yield* pem("tls_cert", tlsCert), key: yield* pem("tls_key", tlsKey) }
  const server = yield* Effect.try({
    try: () =>
      tls === undefined
        ? http.createServer(limits)
        : https.createServer({ ...limits, ...tls, minVersion: "TLSv1.2" }),
    catch: (error) => new BindRefused({ reason: `[edge_central] tls_cert and tls_key: ${String(error)}` })
  })
  // Who could reach the port beside the proxy would speak to it in the clear.
  if (trustedProxy.length > 0) {
    server.on("connection", (socket: { readonly remoteAddress?: string; readonly destroy: () => void }) => {
      if (!accepts(socket.remoteAddress)) socket.destroy()
    })
  }
  yield* limitConnections(server, maxConnections)
  const requests = openRequests(server)
  const { address, serve } = yield* NodeHttpServer.make(() => server, { host, port }).pipe(
    Effect.mapError((error) => noListening(settings, error.cause))
  )
  // Before the server's own end, which would wait for each connection.
  yield* Effect.addFinalizer(() => requests.drain(grace))
  const listening = HttpServer.make({
    address,
    serve: (app, middleware) =>
      (middleware === undefined ? serve(app) : serve(app, middleware)).pipe(
        // added last, it runs first: while what is asked can still be answered
        Effect.andThen(Effect.addFinalizer(() => requests.drain(grace))),
        Effect.andThen(requests.ready)
      )
  })
  return { listening, maxRequestSize }
})

/** Listens from the moment that the layer is built; what is served there is `CentralServer`'s. */
export const layer = Layer.merge(
  Layer.effectContext(
    Effect.map(make, ({ listening, maxRequestSize }) =>
      HttpServer.HttpServer.context(listening).pipe(Context.add(MaxBodySize, ByteSize.bytes(maxRequestSize)))
    )
  ),
  NodeHttpServer.layerHttpServices
)
