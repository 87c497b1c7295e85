/** A worker whose tasks have their large XComs in a folder that all its machines share, as Python tasks have a backend for. */
import { randomUUID } from "node:crypto"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { TaskProgram, XComBackend, XComBackendFailed } from "edge-worker/main"
import { Effect, Layer } from "effect"
import { crunch } from "./asyncTasks.ts"

const attempt = <A>(run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (error) => new XComBackendFailed({ reason: String(error) }) })

/** What a task has stored itself must not name any other file. */
const fileOf = (stored: unknown) => {
  const name = /^xcom-file:([0-9a-f-]{36})$/.exec(String(stored))?.[1]
  return name === undefined ? undefined : join("/mnt/xcoms", name)
}

const inFiles = Layer.succeed(XComBackend, {
  serialize: (value) => {
    const text = JSON.stringify(value)
    if (text.length < 100_000) return Effect.succeed(value)
    const stored = `xcom-file:${randomUUID()}`
    return attempt(() => writeFile(fileOf(stored) ?? "", text)).pipe(Effect.as(stored))
  },
  deserialize: (stored) => {
    const file = fileOf(stored)
    return file === undefined
      ? Effect.succeed(stored)
      : attempt(async () => JSON.parse(await readFile(file, "utf8")))
  },
  purge: (stored) => {
    const file = fileOf(stored)
    return file === undefined ? Effect.void : attempt(() => rm(file, { force: true }))
  }
})

TaskProgram.run({ tasks: [crunch], backends: { xcoms: inFiles } })
