/** print: results on stdout, whole however slowly they are read. */
import * as Effect from "effect/Effect"

/**
 * Waits until the reader has it: the process ends at once after its program, and what a pipe has not taken by then is lost
 * (64 KiB on Linux). A reader that went away is no failure.
 */
export const print = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })
