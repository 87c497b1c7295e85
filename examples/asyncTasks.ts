/** Tasks of async functions: what the guide docs/guides/tasks.md shows to those who do not write Effect. */
import { Defer, Task, TaskFailedNoRetry, TaskSkipped } from "edge-worker/task"
import { Schema } from "effect"

export const crunch = Task.fromAsync({
  dagId: "polyglot",
  taskId: "crunch",
  run: async ({ xcom, variables, log }) => {
    const seed = await xcom.get<{ n: number }>({ taskId: "seed" })
    if (seed === undefined) throw new TaskSkipped({ reason: "nothing to do" })
    const factor = Number((await variables.get("factor")) ?? "2")
    log.info("crunching", { n: seed.n, factor })
    return seed.n * factor
  }
})

export const download = Task.fromAsync({
  dagId: "polyglot",
  taskId: "download",
  params: Schema.Struct({ path: Schema.String }),
  defaults: { path: "/latest.json" },
  run: async ({ connections, params, signal }) => {
    const { host, password } = await connections.get("warehouse")
    const response = await fetch(`https://${host}${params.path}`, {
      headers: { authorization: `Bearer ${password}` },
      signal
    })
    if (response.status === 404) throw new TaskFailedNoRetry({ reason: `there is no ${params.path}` })
    return response.json()
  }
})

export const waitForFile = Task.fromAsync({
  dagId: "polyglot",
  taskId: "wait_for_file",
  run: async (): Promise<string> => {
    throw new Defer({
      classpath: "airflow.providers.standard.triggers.file.FileTrigger",
      kwargs: { filepath: "/data/ready" },
      timeout: "2 hours",
      nextMethod: "arrived",
      nextKwargs: { path: "/data/ready" }
    })
  },
  resume: {
    arrived: async ({ log }, { event, path }) => {
      log.info("the trigger fired", { event })
      return String(path)
    }
  }
})
