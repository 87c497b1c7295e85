/** KeepAliveAgent: makes a Node agent keep its connections safely, and give up on one that cannot be made. */
import type { Agent } from "node:http"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { IdleLimit } from "./IdleLimit.ts"

/** How long making a TCP connection (through to a proxy, if any) may take, in milliseconds. */
export const connectTimeout = 20_000

/**
 * What an agent must be made with to be guarded. Node heeds the time that a `Keep-Alive` header announces only where
 * the agent has a longer one itself; for an active connection it is an event that nobody listens to.
 */
export const keepAliveOptions = { keepAlive: true, timeout: 60_000 }

/** Fails like a connection that the operating system gave up on: nothing has been sent yet. */
const failUnlessConnected = (socket: Socket, millis: number): void => {
  if (!socket.connecting) return
  const timer = setTimeout(() => {
    const error = new Error(`no connection within ${millis / 1000} s`)
    socket.destroy(Object.assign(error, { code: "ETIMEDOUT", syscall: "connect" }))
  }, millis)
  socket.once("connect", () => clearTimeout(timer)).once("close", () => clearTimeout(timer))
}

/** Gives `agent` (made with `keepAliveOptions`) an idle limit and a time limit for connecting; returns it. */
export const guard = <A extends Agent>(agent: A, idle: IdleLimit, connectMillis = connectTimeout): A => {
  const keep: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent)
  const connect = agent.createConnection.bind(agent)
  const reuse = agent.reuseSocket.bind(agent)
  const idleSince = new WeakMap<Duplex, number>()
  const watched = new WeakSet<Duplex>()
  const watch = (socket: Socket) => {
    if (watched.has(socket)) return
    watched.add(socket)
    // A time-out of an idle socket is ours: the agent closes it then.
    socket.on("timeout", () => idleSince.delete(socket))
    socket.once("close", () => {
      const since = idleSince.get(socket)
      if (since !== undefined) idle.closedByPeer(performance.now() - since)
    })
  }
  return Object.assign(agent, {
    createConnection: (...args: Parameters<Agent["createConnection"]>) => {
      const socket = connect(...args)
      if (socket instanceof Socket) failUnlessConnected(socket, connectMillis)
      return socket
    },
    // Node's own keeps a socket only where this returns true, and has set the time-out of a `Keep-Alive` header.
    keepSocketAlive: (socket: Duplex) => {
      const kept = keep(socket)
      if (kept && socket instanceof Socket) {
        socket.setTimeout(Math.min(socket.timeout || Number.POSITIVE_INFINITY, idle.millis))
        idleSince.set(socket, performance.now())
        watch(socket)
      }
      return kept
    },
    reuseSocket: (...args: Parameters<Agent["reuseSocket"]>) => {
      idleSince.delete(args[0])
      if (args[0] instanceof Socket) args[0].setTimeout(0)
      reuse(...args)
    }
  })
}
