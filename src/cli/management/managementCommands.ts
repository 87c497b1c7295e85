/** managementCommands: all commands that manage the workers of a site, in the order of the help. */
import { addQueues } from "./addQueues.ts"
import { exitMaintenance } from "./exitMaintenance.ts"
import { listJobs } from "./listJobs.ts"
import { listWorkers } from "./listWorkers.ts"
import { removeQueues } from "./removeQueues.ts"
import { removeWorker } from "./removeWorker.ts"
import { requestMaintenance } from "./requestMaintenance.ts"
import { setConcurrency } from "./setConcurrency.ts"
import { shutdownAll } from "./shutdownAll.ts"
import { shutdownWorker } from "./shutdownWorker.ts"
import { updateMaintenanceComment } from "./updateMaintenanceComment.ts"

export const managementCommands = [
  listWorkers,
  listJobs,
  requestMaintenance,
  updateMaintenanceComment,
  exitMaintenance,
  shutdownWorker,
  shutdownAll,
  removeWorker,
  addQueues,
  removeQueues,
  setConcurrency
] as const
