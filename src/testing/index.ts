/** `edge-worker/testing`: in-memory parts for tests of programs that embed a worker. */
export { MemoryFileTail } from "./MemoryFileTail.ts"
export { MemoryPlatform } from "./MemoryPlatform.ts"
export { testSettings } from "./settings.ts"
export { TestCentral } from "./TestCentral.ts"
export { TestRunner } from "./TestRunner.ts"
export * as TestTask from "./TestTask.ts"
export { TestWorker } from "./TestWorker.ts"
export { testJob } from "./testJob.ts"
