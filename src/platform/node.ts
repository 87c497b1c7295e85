/** `edge-worker/node`: the layers that connect a worker to this machine. */
export { StateFolder } from "./StateFolder.ts"
