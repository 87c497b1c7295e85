import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { pathToFileURL } from "node:url"
import { assert, it } from "@effect/vitest"

const module = (name: string) => pathToFileURL(`${import.meta.dirname}/../../src/cli/${name}.ts`).href
const length = 300_000

/** Prints more than a pipe holds and ends; says so on stderr once the program has had its turn. */
const program = `
  import { print } from ${JSON.stringify(module("print"))}
  import { runMain } from ${JSON.stringify(module("runMain"))}
  import * as Effect from "effect/Effect"
  setImmediate(() => setImmediate(() => process.stderr.write("printed")))
  runMain(Effect.as(print("x".repeat(${length})), 7))
`

const start = () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const exit = once(child, "exit")
  /** Nobody reads until the program has either ended or said that it waits. */
  const printed = Promise.race([exit, once(child.stderr, "data")])
  return { child, exit, printed }
}

it("waits for a slow reader, and loses nothing", async () => {
  const { child, exit, printed } = start()
  await printed
  assert.lengthOf(await text(child.stdout), length)
  assert.deepStrictEqual(await exit, [7, null])
})

it("ends where the reader goes away", async () => {
  const { child, exit, printed } = start()
  await printed
  child.stdout.destroy()
  assert.deepStrictEqual(await exit, [7, null])
})
