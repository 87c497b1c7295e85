/** globalFlags: `--help`, `--version` and `--completions`, without the library's `-v`, which is `--verbose` here. */
import * as Completions from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { print } from "./print.ts"
import { version } from "./version.ts"

const versionFlag = GlobalFlag.Action({
  flag: Flag.Boolean("version").pipe(
    Flag.withDescription("Show the version"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  run: () => print(`edge-worker ${version}\n`)
})

const completions = GlobalFlag.Action({
  flag: Flag.Literals("completions", ["bash", "zsh", "fish", "powershell"]).pipe(
    Flag.withMetavar("SHELL"),
    Flag.withDescription("Print the completion script of a shell"),
    Flag.optional
  ),
  run: (shell, { command }) =>
    Option.isNone(shell)
      ? Effect.void
      : print(`${Completions.generate(command.name, shell.value, Completions.fromCommand(command))}\n`)
})

/** In the order in which help shows them. */
export const globalFlags = [GlobalFlag.Help, versionFlag, completions]
