/** jobCommands: the commands about jobs of an embedded central, in the order of the help. */
import { cancel } from "./cancel.ts"
import { logs } from "./logs.ts"
import { submit } from "./submit.ts"

export const jobCommands = [submit, cancel, logs] as const
