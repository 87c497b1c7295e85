/** gateway: stands between a worker and the site; records the Edge API's answers, and is slow, narrow, forgetful or away on demand. */
import { appendFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { setTimeout as delay } from "node:timers/promises"

/** One answer of the Edge API, as it is kept in a line of the record. */
export interface Exchange {
  readonly method: string
  /** What follows `/edge_worker/v1/`. */
  readonly path: string
  readonly request: string
  readonly status: number
  readonly response: string
  /** Epoch milliseconds of the answer's last byte. */
  readonly at: number
}

export interface Gateway {
  readonly url: string
  /** Every exchange of the Edge API so far. */
  readonly exchanges: ReadonlyArray<Exchange>
  /** Every exchange of the Execution API so far; paths are what follows `/execution/`. */
  readonly execution: ReadonlyArray<Exchange>
  /** The requests of the Edge API that the site may have carried out although their answer did not arrive. */
  readonly unanswered: ReadonlyArray<Pick<Exchange, "at" | "path" | "request">>
  /** How many connections were opened. */
  readonly connections: () => number
  /** How many requests of any kind came. */
  readonly requests: () => number
  /** Answers 413 to every request of the Edge API whose body has more bytes. */
  readonly limitBody: (bytes: number) => void
  /** Holds the answers of the Edge API back whose path begins so. */
  readonly slowDown: (pathPrefix: string, millis: number) => void
  /** Carries this share of the Edge API's requests out and then cuts the connection instead of answering. */
  readonly loseAnswers: (share: number, random?: () => number) => void
  /** Takes requests and lets them wait, as a stopped site does, until `thaw`. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Refuses connections and cuts those that are open. */
  readonly leave: () => Promise<void>
  readonly comeBack: () => Promise<void>
  readonly close: () => Promise<void>
}

const edgeFolder = "/edge_worker/v1/"
const executionFolder = "/execution/"

const readAll = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

/** A gateway to `target` (`http://host:port`); appends each exchange to the file as a line of JSON, where one is named. */
export const openGateway = async (target: string, recordFile?: string): Promise<Gateway> => {
  const exchanges: Array<Exchange> = []
  const execution: Array<Exchange> = []
  const unanswered: Array<Pick<Exchange, "at" | "path" | "request">> = []
  const sockets = new Set<Socket>()
  const agent = new http.Agent({ keepAlive: true })
  let connections = 0
  let requests = 0
  let limit = Number.POSITIVE_INFINITY
  let slow = { prefix: "", millis: 0 }
  let loses = () => false
  let frozen: { readonly thawed: Promise<void>; readonly thaw: () => void } | undefined

  const forward = (from: http.IncomingMessage, body: Buffer) =>
    new Promise<http.IncomingMessage>((done, fail) => {
      const to = http.request(`${target}${from.url}`, {
        method: from.method ?? "GET",
        headers: { ...from.headers, "accept-encoding": "identity" },
        agent
      })
      to.once("response", done).once("error", fail)
      to.end(body)
    })

  const handle = async (from: http.IncomingMessage, to: http.ServerResponse) => {
    requests += 1
    const body = await readAll(from)
    const isEdge = from.url?.startsWith(edgeFolder) === true
    const path = isEdge ? (from.url ?? "").slice(edgeFolder.length) : ""
    if (isEdge && body.length > limit) {
      to.writeHead(413, { "content-type": "text/html" }).end("<html>Request Entity Too Large</html>")
      return
    }
    // Before the wait: who asked may be gone when the network moves again, and its request goes on all the same.
    if (isEdge)
      to.once("close", () => {
        if (!to.writableFinished) unanswered.push({ path, request: body.toString("utf8"), at: Date.now() })
      })
    await frozen?.thawed
    const answer = await forward(from, body)
    const text = await readAll(answer)
    if (isEdge && loses()) return void to.destroy()
    if (isEdge && slow.millis > 0 && path.startsWith(slow.prefix)) await delay(slow.millis)
    const exchange = (path: string): Exchange => ({
      method: from.method ?? "",
      path,
      request: body.toString("utf8"),
      status: answer.statusCode ?? 0,
      response: text.toString("utf8"),
      at: Date.now()
    })
    if (isEdge) {
      exchanges.push(exchange(path))
      if (recordFile !== undefined) appendFileSync(recordFile, `${JSON.stringify(exchanges.at(-1))}\n`)
    } else if (from.url?.startsWith(executionFolder))
      execution.push(exchange(from.url.slice(executionFolder.length)))
    const { "transfer-encoding": _, ...headers } = answer.headers
    to.writeHead(answer.statusCode ?? 502, { ...headers, "content-length": text.length }).end(text)
  }

  const server = http.createServer((from, to) => {
    handle(from, to).catch(() => to.destroy())
  })
  server.on("connection", (socket) => {
    connections += 1
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  const listen = (port: number) =>
    new Promise<number>((done, fail) => {
      server.once("error", fail)
      server.listen(port, "127.0.0.1", () => {
        server.off("error", fail)
        // a TCP server's address is never a string (net.Server.address)
        done((server.address() as AddressInfo).port)
      })
    })
  const leave = () =>
    new Promise<void>((done) => {
      if (!server.listening) return done()
      server.close(() => done())
      for (const socket of sockets) socket.destroy()
    })
  const port = await listen(0)
  return {
    url: `http://127.0.0.1:${port}`,
    exchanges,
    execution,
    unanswered,
    connections: () => connections,
    requests: () => requests,
    limitBody: (bytes) => {
      limit = bytes
    },
    slowDown: (prefix, millis) => {
      slow = { prefix, millis }
    },
    loseAnswers: (share, random = Math.random) => {
      loses = () => random() < share
    },
    freeze: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      frozen = { thawed: promise, thaw: resolve }
    },
    thaw: () => {
      frozen?.thaw()
      frozen = undefined
    },
    leave,
    comeBack: async () => {
      await listen(port)
    },
    close: async () => {
      await leave()
      agent.destroy()
    }
  }
}
