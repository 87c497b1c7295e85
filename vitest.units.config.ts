/** The suite of `npm run test:units`: our unit under a systemd, and our container; says what this machine cannot run, and why. */
import { defineConfig } from "vitest/config"
import { findRuntime } from "./test/units/Container.ts"
import { noMachine } from "./test/units/Machine.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The runtime of containers that works here. */
    readonly runtime: string
  }
}

const notRun = (what: string, reason: string) => {
  process.stdout.write(`NOT RUN: ${what}, because ${reason.replaceAll("\n", " ")}\n`)
  return []
}

const reason = noMachine()
const found = findRuntime()

export default defineConfig({
  test: {
    include: [
      ...(reason === undefined
        ? ["test/units/systemd.test.ts"]
        : notRun("the unit under systemd (15 tests)", reason)),
      ...("reason" in found
        ? notRun("the container (4 tests)", found.reason)
        : ["test/units/container.test.ts"])
    ],
    passWithNoTests: true,
    provide: { runtime: "runtime" in found ? found.runtime : "" },
    reporters: ["default", "./scripts/closingLine.ts"],
    allowOnly: false,
    maxConcurrency: 3,
    testTimeout: 60_000
  }
})
