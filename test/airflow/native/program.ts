/** program: the tasks of the suite as a program that is a whole worker. */
import { TaskProgram } from "../../../src/cli/TaskProgram.ts"
import { tasks } from "./tasks.ts"

TaskProgram.run({ tasks })
