/** ExitCode: every way in which a command ends, as a number that scripts and systemd can rely on. */
import type { WorkerEnd } from "../worker/Worker.ts"

/** The table that `--help` and docs/exit-codes.md show. Numbers from 64 on are those of sysexits.h where one fits. */
export const exitCodes = {
  ok: { code: 0, means: "done; a worker is offline, its tasks have finished and all is delivered" },
  unexpected: { code: 1, means: "something unexpected; a local command: no worker was found" },
  gone: { code: 2, means: "local command: the worker ended while it was asked" },
  noStatus: { code: 3, means: "local command: the worker gave no status" },
  commentsMissing: { code: 4, means: "maintenance on without --comments" },
  cancelled: { code: 5, means: "shutdown-all-workers was not confirmed" },
  terminated: { code: 20, means: "offline, but tasks were sent SIGTERM (second signal, or drain timeout)" },
  killed: { code: 21, means: "offline, but tasks were killed (third signal, or end of the grace period)" },
  usage: { code: 64, means: "the command line is wrong" },
  refused: { code: 65, means: "management command: the site's rules do not allow the change" },
  unknownWorker: { code: 68, means: "management command: the site has no worker of that name" },
  unreachable: { code: 69, means: "management command: the site gave no proper answer" },
  held: {
    code: 73,
    means: "another process holds this name, state folder, pid file or port on this machine"
  },
  left: { code: 75, means: "offline, but reports or bytes of task logs are undelivered" },
  nameTaken: { code: 76, means: "the site says that a worker of this name is active elsewhere" },
  rejected: { code: 77, means: "the site rejects this worker's versions, or the credentials" },
  config: { code: 78, means: "the configuration is wrong" }
} as const

/** The name of one ending. */
export type ExitName = keyof typeof exitCodes

/** The number of an ending. */
export const exitCode = (name: ExitName): number => exitCodes[name].code

/** The hardest truth wins: rejected, then what is undelivered, then what was done to the tasks. */
export const exitOfEnd = (end: WorkerEnd): ExitName => {
  if (end.rejected !== undefined) return "rejected"
  if (end.reportsLeft > 0 || end.logBytesLeft > 0) return "left"
  if (end.tasks === "killed") return "killed"
  return end.tasks === "terminated" ? "terminated" : "ok"
}

const endings: Readonly<Record<string, ExitName>> = {
  UsageError: "usage",
  ConfigInvalid: "config",
  LookupFailed: "config",
  NoLocalAirflow: "config",
  CertificateFileError: "config",
  BindRefused: "config",
  DatabaseUnknown: "config",
  PrivateFileUnusable: "config",
  UsersInvalid: "config",
  SiteFileUnusable: "config",
  TaskNotOpened: "config",
  TasksInvalid: "config",
  FolderUnusable: "held",
  WorkerRunsHere: "held",
  PidFileRefused: "held",
  PortTaken: "held"
}

const refusals: Readonly<Record<string, ExitName>> = {
  versions: "rejected",
  credentials: "rejected",
  name: "nameTaken",
  api: "config"
}

const managementFailures: Readonly<Record<string, ExitName>> = {
  unreachable: "unreachable",
  credentials: "rejected",
  unknownWorker: "unknownWorker",
  refused: "refused"
}

/** What a failed command ends with. */
export const exitOfError = (error: unknown): ExitName => {
  if (typeof error !== "object" || error === null || !("_tag" in error)) return "unexpected"
  if ("exit" in error && typeof error.exit === "string" && error.exit in exitCodes) {
    // the check above makes it a key
    return error.exit as ExitName
  }
  if (error._tag === "RegistrationRefused" && "why" in error)
    return refusals[String(error.why)] ?? "unexpected"
  if (error._tag === "ManagementFailed" && "why" in error)
    return managementFailures[String(error.why)] ?? "unexpected"
  return endings[String(error._tag)] ?? "unexpected"
}
