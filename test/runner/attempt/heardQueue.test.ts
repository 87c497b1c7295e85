/** What is heard of a task waits in bounded memory, whatever it is that the task says too fast. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { heardQueue } from "../../../src/runner/attempt/heardQueue.ts"

describe("what is heard", () => {
  for (const line of ["", "y", "x".repeat(1_000)])
    it.effect(`lines of ${line.length} characters stop their source, and let it go on later`, () =>
      Effect.gen(function* () {
        const flow: Array<boolean> = []
        const { offer, take } = heardQueue((on) => flow.push(on))
        // An entry takes far more than 32 bytes: 4 MiB of them are 131,072 at most.
        let offered = 0
        for (; flow.length === 0 && offered < 131_072; offered++)
          offer({ _tag: "Wrote", stream: "stdout", line }, line.length)
        assert.deepStrictEqual(flow, [false])
        for (; offered > 0; offered--) yield* take
        assert.deepStrictEqual(flow, [false, true])
      })
    )
})
