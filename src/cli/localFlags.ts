/** localFlags: the flags that every local command takes to say which worker it means. */

import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { findWorker } from "./findWorker.ts"

/** `-H`, `--pid` and `-v`. */
export const localFlags = {
  edgeHostname: Flag.String("edge-hostname").pipe(
    Flag.withAlias("H"),
    Flag.withMetavar("NAME"),
    Flag.withDescription("Name of the worker, where several run on this machine"),
    Flag.optional
  ),
  pid: Flag.String("pid").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Pid file of the worker; a Python edge worker is reached this way too"),
    Flag.optional
  ),
  verbose: Flag.Boolean("verbose").pipe(
    Flag.withAlias("v"),
    Flag.withDescription("Say on stderr which worker is asked"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  )
}

/** The flags' values. */
export interface LocalFlags {
  readonly edgeHostname: Option.Option<string>
  readonly pid: Option.Option<string>
  readonly verbose: boolean
}

/** The worker that the flags mean. */
export const chosenWorker = (flags: LocalFlags) =>
  findWorker({
    name: Option.getOrUndefined(flags.edgeHostname),
    pidFile: Option.getOrUndefined(flags.pid)
  }).pipe(
    Effect.tap((worker) =>
      flags.verbose ? Effect.sync(() => process.stderr.write(`asking ${worker.title}\n`)) : Effect.void
    )
  )
