/** fileCalls: both ways to make the system calls of a log, for the suites of what makes them. */
import { describe } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { atOnce, type Calls, FileCalls, onThreads } from "../../src/platform/FileCalls.ts"

/** One suite for each way. */
export const eachWay = (name: string, suite: (calls: Layer.Layer<never>) => void) => {
  const way = (how: string, calls: Calls) =>
    describe(`${name}, ${how}`, () => suite(Layer.succeed(FileCalls, calls)))
  way("at once", atOnce)
  way("on threads", onThreads)
}
