/** exitCodeText: the table of exit codes as lines for a command's help. */
import { type ExitName, exitCodes } from "./ExitCode.ts"

/** "64  the command line is wrong", one line each. */
export const exitCodeText = (names: ReadonlyArray<ExitName>): ReadonlyArray<string> =>
  names.map((name) => `${String(exitCodes[name].code).padStart(2)}  ${exitCodes[name].means}`)
