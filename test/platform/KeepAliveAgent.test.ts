/** An agent's kept connections: closed before the other end does, and given up on while they are being made. */
import { once } from "node:events"
import { Agent, request } from "node:http"
import { Duplex } from "node:stream"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { IdleLimit } from "../../src/platform/IdleLimit.ts"
import { guard, keepAliveOptions } from "../../src/platform/KeepAliveAgent.ts"
import { httpServer } from "./localServer.ts"

const agentWith = (idle: IdleLimit) =>
  Effect.acquireRelease(
    Effect.sync(() => guard(new Agent(keepAliveOptions), idle)),
    (agent) => Effect.sync(() => agent.destroy())
  )

/** One request; ends when its connection lies idle. */
const call = (agent: Agent, port: number) =>
  Effect.promise(async () => {
    const sent = request({ agent, host: "127.0.0.1", port }).end()
    const [response] = await once(sent, "response")
    const free = once(agent, "free")
    response.resume()
    const [socket] = await free
    return { socket, reused: sent.reusedSocket }
  })

describe("IdleLimit", () => {
  it("closes before the other end does, by what was seen of it", () => {
    const idle = new IdleLimit()
    expect(idle.millis).toBe(60_000)
    idle.closedByPeer(5000)
    expect(idle.millis).toBe(4000)
  })

  it("only ever shrinks, and a restart teaches nothing", () => {
    const idle = new IdleLimit()
    idle.closedByPeer(10_000)
    idle.closedByPeer(50_000)
    idle.closedByPeer(3)
    expect(idle.millis).toBe(8000)
  })
})

describe("guard", () => {
  it.live("a kept connection is used again, and times out by the limit only while it is idle", () =>
    Effect.gen(function* () {
      const timeouts: Array<number> = []
      const idle = new IdleLimit()
      idle.closedByPeer(5000)
      const agent = yield* agentWith(idle)
      const server = yield* httpServer((_request, response) => {
        timeouts.push(
          ...Object.values(agent.sockets).flatMap((sockets) => sockets?.map((one) => one.timeout ?? 0) ?? [])
        )
        response.end()
      })
      const first = yield* call(agent, server.port)
      // An active one's says nothing: Node only emits an event then, and nobody listens.
      expect([first.reused, first.socket.timeout]).toEqual([false, 4000])
      const second = yield* call(agent, server.port)
      expect([second.reused, second.socket.timeout]).toEqual([true, 4000])
      expect(timeouts).toEqual([60_000, 0])
    })
  )

  it.live("a shorter time that the other end announces wins", () =>
    Effect.gen(function* () {
      const agent = yield* agentWith(new IdleLimit())
      const server = yield* httpServer((_request, response) => {
        response.writeHead(200, { "keep-alive": "timeout=3" }).end()
      })
      const { socket } = yield* call(agent, server.port)
      // A second less than announced: Node's own margin.
      expect(socket.timeout).toBe(2000)
    })
  )

  it.live("the other end's closing of an idle connection is learned from, ours is not", () =>
    Effect.gen(function* () {
      const learned: Array<number> = []
      const idle = new IdleLimit()
      idle.closedByPeer = (millis) => learned.push(millis)
      const agent = yield* agentWith(idle)
      const server = yield* httpServer((_request, response) => response.end())
      const first = yield* call(agent, server.port)
      const closed = once(first.socket, "close")
      server.server.closeIdleConnections()
      yield* Effect.promise(() => closed)
      expect(learned).toHaveLength(1)
      const second = yield* call(agent, server.port)
      const gone = once(second.socket, "close")
      second.socket.emit("timeout")
      yield* Effect.promise(() => gone)
      expect(learned).toHaveLength(1)
    })
  )

  it.live("a connection that is not made in time fails as one, with nothing sent", () =>
    Effect.gen(function* () {
      const never = () => {}
      const agent = guard(new Agent({ lookup: never }), new IdleLimit(), 20)
      const [error] = yield* Effect.promise(() =>
        once(request({ agent, host: "site.test" }).end(), "error").catch((e) => [e])
      )
      expect(error).toMatchObject({ code: "ETIMEDOUT", syscall: "connect" })
    })
  )

  it("a stream that is no socket is let through", () => {
    const stream = new Duplex({ read() {}, write() {} })
    const tunnel = Object.assign(new Agent(), { createConnection: () => stream })
    expect(guard(tunnel, new IdleLimit()).createConnection()).toBe(stream)
  })
})
