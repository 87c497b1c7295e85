/** `edge-worker/testing`: in-memory parts for tests of programs that embed a worker. */
export { Runner } from "../runner/Runner.ts"
