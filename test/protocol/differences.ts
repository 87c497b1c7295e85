/** differences: where our Edge API deliberately is not what a real Airflow publishes, and why. */
import { workerOperations } from "./openApiFacts.ts"

/** One deliberate difference: the facts that only one side has. */
export interface Difference {
  readonly reason: string
  readonly published?: ReadonlyArray<string>
  readonly ours?: ReadonlyArray<string>
}

const stateOfJob = "PATCH /jobs/state/{dag_id}/{task_id}/{run_id}/{try_number}/{map_index}/{state}"
const pushLogs = "POST /logs/push/{dag_id}/{task_id}/{run_id}/{try_number}/{map_index}"
const command = "POST /jobs/fetch/{worker_name} -> 200 application/json.command"
const kinds = ["ExecuteTask", "ExecuteCallback", "TestConnection"]

/** Per error of ours the operations that declare it; each has the tag that names it inside our own programs. */
const tags: ReadonlyArray<readonly [status: number, tag: string, operations: ReadonlyArray<string>]> =
  (() => {
    const all = workerOperations
      .map(([method, path]) => `${method.toUpperCase()} ${path}`)
      .filter((at) => !/GET/.test(at))
    const ofWorkers = all.filter((at) => at.includes("{worker_name}"))
    return [
      [400, "BadRequest", all],
      [403, "Forbidden", all],
      [404, "NotFound", ofWorkers.filter((at) => at !== "POST /worker/{worker_name}")],
      [409, "Conflict", ofWorkers],
      [422, "Unprocessable", all]
    ]
  })()

const inPaths = (type: string) =>
  [stateOfJob, pushLogs].flatMap((at) => [
    `${at} path parameter map_index: ${type}`,
    `${at} path parameter try_number: ${type}`
  ])

export const differences: ReadonlyArray<Difference> = [
  {
    reason:
      "only our embedded central sends these, and Airflow's worker ignores them: what was submitted along with a job, and which jobs a worker has to stop",
    ours: [
      "POST /jobs/fetch/{worker_name} -> 200 application/json.conf: anything, optional",
      "PATCH /worker/{worker_name} -> 200 application/json.revoked: array of string, optional"
    ]
  },
  {
    reason:
      "a path is text: we declare what stands in it, FastAPI what it is read as; both want digits there",
    published: inPaths("integer"),
    ours: inPaths("string")
  },
  {
    reason:
      "the body of a job's state may be left out; we always send one, empty for a job without a task instance id",
    published: [`${stateOfJob} body application/json: object, optional`],
    ours: [`${stateOfJob} body application/json: object`]
  },
  {
    reason:
      "the kind of a workload is published as optional because it has a default; the site always sends it, and without it the kinds could not be told apart",
    published: kinds.map((kind) => `${command}<${kind}>.type: one of "${kind}", optional`),
    ours: kinds.map((kind) => `${command}<${kind}>.type: one of "${kind}"`)
  },
  {
    reason:
      'a heartbeat of an unknown worker is answered with 404 "Worker not found" (worker_api/routes/worker.py, edge3 5.1.0), which is published nowhere',
    ours: [
      "PATCH /worker/{worker_name} -> 404 application/json: object",
      "PATCH /worker/{worker_name} -> 404 application/json.detail: map of anything or string"
    ]
  },
  {
    reason: "our errors have a tag inside our programs; it is left out on the wire",
    ours: tags.flatMap(([status, tag, operations]) =>
      operations.map((at) => `${at} -> ${status} application/json._tag: one of "${tag}", optional`)
    )
  }
]
