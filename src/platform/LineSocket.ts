/** LineSocket: the client's end of a unix socket that carries one line of JSON a message. */
import { closeSync, constants, openSync } from "node:fs"
import { connect } from "node:net"
import { basename, dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { LONGEST_SOCKET_PATH } from "./StatePaths.ts"

/** Nobody listens there. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot connect to ${this.path}: ${this.reason}`
  }
}

/** What happens on a connection; called in the order of arrival, `onClose` once and last. */
export interface LineHandlers {
  readonly onLine: (line: string) => void
  readonly onClose: () => void
}

/** Connects to unix sockets. */
export class LineSocket extends Context.Service<
  LineSocket,
  {
    /** The connection lives as long as the scope. `send` adds the line end; after the end it does nothing. */
    readonly connect: (
      path: string,
      handlers: LineHandlers
    ) => Effect.Effect<{ readonly send: (line: string) => void }, ConnectFailed, Scope.Scope>
  }
>()("edge-worker/platform/LineSocket") {
  static readonly layer: Layer.Layer<LineSocket> = Layer.succeed(LineSocket, {
    connect: (path, handlers) =>
      Effect.acquireRelease(open(path, handlers), (socket) => Effect.sync(() => socket.destroy())).pipe(
        Effect.map((socket) => ({
          send: (line: string) => {
            if (!socket.destroyed) socket.write(`${line}\n`)
          }
        }))
      )
  })
}

const open = (path: string, handlers: LineHandlers) =>
  Effect.callback<ReturnType<typeof connect>, ConnectFailed>((resume) => {
    // A path too long for a socket is reached through its folder's descriptor.
    const long = Buffer.byteLength(path) > LONGEST_SOCKET_PATH
    let folder: number | undefined
    const done = () => {
      if (folder !== undefined) closeSync(folder)
      folder = undefined
    }
    const failed = (error: unknown) => {
      done()
      const reason = error instanceof Error ? error.message : String(error)
      resume(Effect.fail(new ConnectFailed({ path, reason })))
    }
    try {
      if (long) folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
      const socket = connect({ path: long ? `/proc/self/fd/${folder}/${basename(path)}` : path })
      let rest = ""
      socket.setEncoding("utf8")
      socket.once("error", failed)
      socket.once("connect", () => {
        done()
        socket.off("error", failed)
        // The close that follows an error is what counts.
        socket.on("error", () => undefined)
        socket.once("close", handlers.onClose)
        socket.on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n")
          rest = lines.pop() ?? ""
          for (const line of lines) handlers.onLine(line)
        })
        resume(Effect.succeed(socket))
      })
    } catch (error) {
      failed(error)
    }
  })
