/** HostLine: the end of a task host's line in the host itself, and what ends that process when its worker is gone. */
import { fstatSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import type { Writable } from "node:stream"
import { Worker } from "node:worker_threads"
import { lifeDescriptor, lineDescriptor } from "../protocol/TaskHostLine.ts"
import { lineReader } from "./lineReader.ts"

/** What the host is told. */
export interface HostLineHandlers {
  readonly onLine: (line: string) => void
  /** The worker wants this process to end, or is gone. */
  readonly onClose: () => void
}

/** The host's end. */
export interface HostLine {
  /** Adds the line end. Has written it when it returns, where the worker is still there. */
  readonly send: (line: string) => void
  /** Writes a line of its own on stdout and stderr, after all that was written there before. */
  readonly mark: (text: string) => Promise<void>
}

/** Whether this process was started as a host. */
export const isHost = (): boolean => {
  try {
    return [lineDescriptor, lifeDescriptor].every((descriptor) => fstatSync(descriptor).isSocket())
  } catch {
    return false
  }
}

/** In a thread of its own: also a task that never lets the event loop turn must not outlive its worker. */
const watchLife = `
const { Socket } = require("node:net")
new Socket({ fd: ${lifeDescriptor} })
  .on("error", () => undefined)
  .on("close", () => process.kill(-${process.pid}, "SIGKILL"))
  .resume()`

const pause = new Int32Array(new SharedArrayBuffer(4))

/**
 * Waits where the worker does not read, as writes on stdout do: what a task logs faster than anybody reads would fill this
 * process's memory. Whoever reads there never waits for us.
 */
const writeWhole = (bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(lineDescriptor, bytes, at)
    } catch (error) {
      // The worker is gone, which the socket's end says too.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}

const written = (stream: Writable, text: string) =>
  new Promise<void>((done) => {
    stream.write(text, () => done())
  })

/** Opens it, once. */
export const openHostLine = ({ onClose, onLine }: HostLineHandlers): HostLine => {
  const socket = new Socket({ fd: lineDescriptor })
  const reader = lineReader({ longest: Number.POSITIVE_INFINITY, onLine })
  socket.on("data", reader.add)
  socket.on("error", () => undefined)
  socket.once("close", onClose)
  new Worker(watchLife, {
    eval: true,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 }
  })
    // Without it a blocked process lives until its worker's successor finds it.
    .on("error", () => undefined)
    .unref()
  return {
    send: (line) => {
      if (socket.writable) writeWhole(Buffer.from(`${line}\n`))
    },
    mark: async (text) => {
      // The first line end is that of a line that has none.
      await Promise.all([process.stdout, process.stderr].map((stream) => written(stream, `\n${text}\n`)))
    }
  }
}
