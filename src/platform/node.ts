/** `edge-worker/node`: the layers that connect a worker to a machine with Node. */
export { NodePlatform } from "./NodePlatform.ts"
export { type ProcessEnd, Processes, type StartedProcess } from "./Processes.ts"
