/** taskWorker: the command line of a program that has tasks of its own. */
import { program } from "./program.ts"
import { runMain } from "./runMain.ts"
import type { OwnTasks } from "./taskParts.ts"
import { partsWith } from "./workerParts.ts"

/** Runs it and ends the process. */
export const runTaskWorker = (own: OwnTasks, args: ReadonlyArray<string>): void =>
  runMain(program(partsWith(own), args))
