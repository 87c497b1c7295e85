/** main: the `edge-worker` program. */
import { program } from "./program.ts"
import { runMain } from "./runMain.ts"
import { workerParts } from "./workerParts.ts"

runMain(program(workerParts, process.argv.slice(2)))
