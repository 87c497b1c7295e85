/** exitCodeText: the table of exit codes as lines for a command's help. */
import { type ExitName, exitCodes } from "./ExitCode.ts"

/** "64  the command line is wrong", one line each; `words`: what one means for this command alone. */
export const exitCodeText = (
  names: ReadonlyArray<ExitName>,
  words: Partial<Record<ExitName, string>> = {}
): ReadonlyArray<string> =>
  names.map((name) => `${String(exitCodes[name].code).padStart(2)}  ${words[name] ?? exitCodes[name].means}`)

/** For a command that asks a site, and is no worker. */
export const askingWords: Partial<Record<ExitName, string>> = {
  ok: "done",
  unexpected: "something unexpected",
  refused: "the site's rules do not allow it",
  unknownWorker: "the site has no worker of that name",
  unreachable: "the site gave no proper answer",
  rejected: "the site refuses the credential"
}
