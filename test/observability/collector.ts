/** A collector of OTLP over HTTP on a port of its own: keeps what it is sent, answers as it is told. */
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export interface Received {
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Starts it; it ends with the scope. `silent`: takes requests and never answers. */
export const collector = (answers: "accepts" | "silent") =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const first = yield* Deferred.make<Received>()
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const one = {
          path: request.url,
          headers: request.headers,
          body: Buffer.concat(chunks).toString("utf8")
        }
        received.push(one)
        Deferred.doneUnsafe(first, Effect.succeed(one))
        if (answers === "silent") return
        // an empty ExportTraceServiceResponse, as JSON or as protobuf
        const type = request.headers["content-type"] ?? ""
        response.writeHead(200, { "content-type": type }).end(type.includes("json") ? "{}" : "")
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    // a server that listens on a port has no other kind of address
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, received, first: Deferred.await(first) }
  })
