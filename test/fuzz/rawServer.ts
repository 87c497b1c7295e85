/** rawServer: a server on a free port that answers requests with bytes, proper HTTP or not. */
import { createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** What becomes of the connection once the bytes are sent; `hang` is one that stays open before the answer is whole. */
export type Ending = "keep" | "end" | "destroy" | "hang"

/** One answer: what is sent, in pieces, and what then. */
export interface RawAnswer {
  readonly pieces: ReadonlyArray<Uint8Array>
  readonly ending: Ending
}

/** One request as it came. */
export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string
  readonly body: string
}

const parse = (bytes: Buffer): { readonly request: RawRequest; readonly length: number } | undefined => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const head = bytes.subarray(0, end).toString("latin1")
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1] ?? ""
  const length = end + 4 + Number(field("content-length") || 0)
  if (bytes.length < length) return undefined
  const [method = "", path = ""] = head.split(" ")
  const body = bytes.subarray(end + 4, length).toString("utf8")
  return { request: { method, path, authorization: field("authorization"), body }, length }
}

/** Answers each request with what `answer` says; `hung` tells of each answer that was sent and then left open. */
export const rawServer = (answer: (request: RawRequest) => RawAnswer) =>
  Effect.gen(function* () {
    const hung = yield* Queue.unbounded<void>()
    const sockets = new Set<Socket>()
    const serve = (socket: Socket) => {
      sockets.add(socket)
      let waiting: Buffer = Buffer.alloc(0)
      let isOver = false
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket))
      socket.on("data", (bytes) => {
        // Sent before its sender saw that the connection ends: no site hears that, as no answer can leave any more.
        if (isOver) return
        waiting = Buffer.concat([waiting, bytes])
        const parsed = parse(waiting)
        if (parsed === undefined) return
        waiting = waiting.subarray(parsed.length)
        const { ending, pieces } = answer(parsed.request)
        isOver = ending === "end" || ending === "destroy"
        for (const piece of pieces) socket.write(piece)
        if (ending === "hang") socket.write("", () => Queue.offerUnsafe(hung, undefined))
        else if (ending === "end") socket.end()
        else if (ending === "destroy") socket.write("", () => socket.destroy())
      })
    }
    const port = yield* Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly close: () => void }>((done) => {
        const server = createServer(serve)
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          done(Effect.succeed({ port, close: () => server.close() }))
        })
      }),
      ({ close }) =>
        Effect.sync(() => {
          close()
          for (const socket of sockets) socket.destroy()
        })
    )
    return { port: port.port, hung }
  })
