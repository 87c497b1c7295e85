/** What becomes of requests that come before a server has its handler, and of connections when it ends. */
import { once } from "node:events"
import { Agent, createServer, get, type IncomingMessage, request, type ServerResponse } from "node:http"
import { createServer as createTls, get as getTls } from "node:https"
import { type AddressInfo, connect, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type OpenRequests, openRequests } from "../../src/platform/OpenRequests.ts"
import { certify } from "./certificates.ts"

const patience = "30 seconds"

const listening = async (server: Server) => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return (server.address() as AddressInfo).port
}

const answerOf = (port: number, agent?: Agent) =>
  new Promise<IncomingMessage>((done, fail) => {
    get({ port, host: "127.0.0.1", ...(agent === undefined ? { agent: false } : { agent }) }, (answer) => {
      answer.resume()
      answer.once("end", () => done(answer))
    }).once("error", fail)
  })

const ended = ({ drain }: OpenRequests) => Effect.runPromise(drain(patience))

describe("a server's requests", () => {
  it("are answered although they came before the handler", async () => {
    const server = createServer()
    const requests = openRequests(server)
    const came = once(server, "request")
    const answer = answerOf(await listening(server))
    await came
    server.on("request", (_request: IncomingMessage, response: ServerResponse) => response.end("here"))
    await Effect.runPromise(requests.ready)
    assert.strictEqual((await answer).statusCode, 200)
    await ended(requests)
  })

  it("are answered although the end was asked for, and end their connection", async () => {
    const server = createServer()
    const requests = openRequests(server)
    const asked = new Promise<ServerResponse>((done) =>
      server.once("request", (_, response) => done(response))
    )
    await Effect.runPromise(requests.ready)
    const agent = new Agent({ keepAlive: true })
    const answer = answerOf(await listening(server), agent)
    const response = await asked
    const end = ended(requests)
    response.end("late")
    assert.strictEqual((await answer).headers.connection, "close")
    await end
    agent.destroy()
  })

  it("end with their connection although their head was sent before the end", async () => {
    const server = createServer()
    const requests = openRequests(server)
    const asked = new Promise<ServerResponse>((done) =>
      server.once("request", (_, response) => done(response))
    )
    await Effect.runPromise(requests.ready)
    const agent = new Agent({ keepAlive: true })
    const answer = answerOf(await listening(server), agent)
    const response = await asked
    response.write("head")
    const end = ended(requests)
    response.end("tail")
    assert.strictEqual((await answer).statusCode, 200)
    await end
    agent.destroy()
  })

  it("that wait to be told to go on are under way as well", async () => {
    const server = createServer()
    const asked = new Promise<ServerResponse>((done) =>
      server.on("checkContinue", (_: IncomingMessage, response: ServerResponse) => done(response))
    )
    const requests = openRequests(server)
    await Effect.runPromise(requests.ready)
    const port = await listening(server)
    const answer = new Promise<IncomingMessage>((done, fail) => {
      const options = {
        port,
        host: "127.0.0.1",
        agent: false,
        method: "POST",
        headers: { expect: "100-continue" }
      }
      const out = request(options, (given) => done(given.resume()))
      out.once("error", fail).flushHeaders()
    })
    const response = await asked
    const end = ended(requests)
    response.writeHead(413).end()
    assert.strictEqual((await answer).statusCode, 413)
    await end
  })

  it("that are none hold nothing up: an idle connection, a silent one, one whose TLS never begins", async () => {
    const server = createServer((_, response) => response.end("once"))
    const requests = openRequests(server)
    await Effect.runPromise(requests.ready)
    const port = await listening(server)
    const agent = new Agent({ keepAlive: true })
    await answerOf(port, agent)
    const silent = connect(port, "127.0.0.1").on("error", () => {})
    await once(server, "connection")
    await ended(requests)
    silent.destroy()
    agent.destroy()

    const own = certify({ name: "localhost", hosts: ["127.0.0.1"] })
    const secure = createTls({ cert: own.cert, key: own.key }, (_, response) => response.end("once"))
    const secured = openRequests(secure)
    await Effect.runPromise(secured.ready)
    const at = await listening(secure)
    const mute = connect(at, "127.0.0.1").on("error", () => {})
    await once(secure, "connection")
    const status = await new Promise((done) =>
      getTls({ port: at, host: "127.0.0.1", ca: own.cert, agent: false }, (answer) => {
        answer.resume()
        done(answer.statusCode)
      })
    )
    assert.strictEqual(status, 200)
    await ended(secured)
    mute.destroy()
  })

  it("that take too long are cut off", async () => {
    const server = createServer()
    const requests = openRequests(server)
    const came = once(server, "request")
    await Effect.runPromise(requests.ready)
    const answer = answerOf(await listening(server)).catch((error: Error) => error)
    await came
    await Effect.runPromise(requests.drain("10 millis"))
    assert.instanceOf(await answer, Error)
  })
})
