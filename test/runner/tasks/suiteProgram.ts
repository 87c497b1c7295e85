/** suiteProgram: the tasks of the contract, as a task host. */
import { runTaskHost } from "../../../src/cli/taskHost.ts"
import { processTasks, suiteTasks } from "../../suites/suiteTasks.ts"

runTaskHost([...suiteTasks, ...processTasks])
