/** asked: what a request asks for, in the words of an error message. */
import type { TaskEnd, TaskRequest } from "../protocol/TaskComms.ts"

/** `variable "x"`, `connection "db"`, `XCom "return_value" of the task seed`, … */
export const asked = (body: TaskRequest | TaskEnd): string => {
  switch (body.type) {
    case "GetVariable":
    case "DeleteVariable":
      return `variable "${body.key}"`
    case "GetConnection":
      return `connection "${body.conn_id}"`
    case "GetXCom":
    case "GetXComCount":
    case "GetXComSequenceItem":
    case "GetXComSequenceSlice":
    case "DeleteXCom":
      return `XCom "${body.key}" of the task ${body.task_id}`
    case "GetAssetByName":
      return `asset named "${body.name}"`
    case "GetAssetByUri":
      return `asset with the URI ${body.uri}`
    case "GetTaskStateStore":
    case "GetAssetStateStoreByName":
    case "GetAssetStateStoreByUri":
      return `stored value "${body.key}"`
    default:
      return `answer to ${body.type}`
  }
}
