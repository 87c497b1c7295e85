/** program: the tasks of the suite as a program that is a whole worker. */
import { TaskProgram } from "../../../src/cli/TaskProgram.ts"
import { askingTasks } from "./askingTasks.ts"
import { assetTasks } from "./assetTasks.ts"
import { largeTasks } from "./largeTasks.ts"
import { lookingTasks } from "./lookingTasks.ts"
import { tasks } from "./tasks.ts"

TaskProgram.run({ tasks: [...tasks, ...askingTasks, ...assetTasks, ...lookingTasks, ...largeTasks] })
