/** caller: requests of a worker or a person to one central, over connections that stay open. */
import { randomUUID } from "node:crypto"
import { Agent, type IncomingHttpHeaders, request } from "node:http"
import { SignJWT } from "jose/jwt/sign"
import { claims, methodClaim } from "../../src/protocol/Token.ts"

export interface Answer {
  /** 0: no answer. */
  readonly status: number
  readonly body: string
  readonly headers: IncomingHttpHeaders
  readonly millis: number
}

/** What the run counts of its requests. */
export interface Counts {
  requests: number
  /** Nothing came back: the restart. */
  unanswered: number
  /** Answers of 400 and above that nobody expects, by status and path. */
  readonly errors: Map<string, number>
}

type Method = "GET" | "POST" | "PATCH"

export const connect = (port: number, counts: Counts, sockets: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets })
  const send = (method: Method, path: string, authorization: string, body?: unknown): Promise<Answer> => {
    counts.requests += 1
    const from = performance.now()
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((done) => {
      const lost = () => {
        counts.unanswered += 1
        done({ status: 0, body: "", headers: {}, millis: performance.now() - from })
      }
      const out = request(
        {
          agent,
          host: "127.0.0.1",
          port,
          method,
          path,
          timeout: 5000,
          headers: {
            authorization,
            ...(text === undefined
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
          }
        },
        (answer) => {
          const parts: Array<Buffer> = []
          answer.on("data", (part: Buffer) => parts.push(part))
          answer.once("error", lost)
          answer.once("end", () =>
            done({
              status: answer.statusCode ?? 0,
              body: Buffer.concat(parts).toString("utf8"),
              headers: answer.headers,
              millis: performance.now() - from
            })
          )
        }
      )
      out.once("timeout", () => out.destroy(new Error("no answer")))
      out.once("error", lost)
      out.end(text)
    })
  }
  return { send, close: () => agent.destroy() }
}

/** A fresh token for each request, as `platform/TokenSigner` makes them. */
export const edgeToken = (secret: Uint8Array, path: string) =>
  new SignJWT({
    ...claims({
      id: randomUUID().replaceAll("-", ""),
      method: methodClaim(path),
      nowMillis: Date.now(),
      lifeSeconds: 10
    })
  })
    .setProtectedHeader({ alg: "HS512", typ: "JWT" })
    .sign(secret)

export const pause = (millis: number) => new Promise<void>((done) => setTimeout(done, millis))

/** Counts an answer that is neither good nor one of `expected`. */
export const unexpected = (counts: Counts, what: string, { status }: Answer, ...expected: Array<number>) => {
  if (status === 0 || status < 400 || expected.includes(status)) return false
  const name = `${status} ${what}`
  counts.errors.set(name, (counts.errors.get(name) ?? 0) + 1)
  return true
}
