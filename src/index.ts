/** `edge-worker`: what a program imports to embed a worker. The only barrel. */
export { EdgeConfig, type EdgeSettings } from "./config/EdgeConfig.ts"
export type { Claim, Job, Workload } from "./protocol/Job.ts"
export {
  type JobToRun,
  NotStarted,
  type Outcome,
  Runner,
  type RunningJob,
  StartFailed
} from "./runner/Runner.ts"
export { EdgeWorker, type EdgeWorkerOptions } from "./worker/EdgeWorker.ts"
export type { RegistrationRefused } from "./worker/Registration.ts"
export { Worker, type WorkerEnd } from "./worker/Worker.ts"
export { ExtendedSysinfo, SysinfoFailed } from "./worker/WorkerSysinfo.ts"
