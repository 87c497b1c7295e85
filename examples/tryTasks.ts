/** Tasks of asyncTasks.ts, effectTasks.ts and assetTasks.ts without a site: how tasks are tested. */
import { TestTask } from "edge-worker/testing"
import { write } from "./assetTasks.ts"
import { crunch, waitForFile } from "./asyncTasks.ts"
import { approve, hand_over, total } from "./effectTasks.ts"

const crunched = await TestTask.runPromise(crunch, {
  xcoms: { seed: { n: 21 } },
  variables: { factor: "2" }
})
console.log(`crunch: ${crunched.end.type}, ${crunched.returned}`)

const added = await TestTask.runPromise(total, {
  xcoms: [
    { taskId: "read", mapIndex: 0, value: { id: 1n, total: 1.5 } },
    { taskId: "read", mapIndex: 1, value: { id: 12345678901234567890n, total: 2 } }
  ]
})
console.log(`total: ${JSON.stringify(added.returned)}`)

const handed = await TestTask.runPromise(hand_over, { variables: { limits: '{"openRuns":1}' } })
console.log(`hand_over: ${handed.end.type}, triggered ${handed.triggered[0]?.dag_id}`)

const busy = await TestTask.runPromise(hand_over, {
  variables: { limits: '{"openRuns":1}' },
  runs: { "billing/manual": "running" },
  shouldRetry: true
})
console.log(`hand_over: ${busy.end.type}`)

const deferred = await TestTask.runPromise(waitForFile)
const resumed = await TestTask.runPromise(waitForFile, {
  resume: { method: "arrived", kwargs: { path: "/data/ready", event: true } }
})
console.log(`wait_for_file: ${deferred.end.type}, then ${resumed.returned}`)

const stopped = await TestTask.runPromise(approve, {
  resume: {
    method: "answered",
    kwargs: { event: { chosen_options: ["stop"], responded_by_user: { id: "1", name: "Ada" } } }
  }
})
console.log(`approve: ${JSON.stringify(stopped.log[0]?.event)}`)

const written = await TestTask.runPromise(write, {
  xcoms: { read: [7, 8, 9] },
  assets: [{ name: "bills", uri: "s3://orders/bills" }]
})
console.log(`write: ${written.end.type === "SucceedTask" ? JSON.stringify(written.end.outlet_events) : "?"}`)
