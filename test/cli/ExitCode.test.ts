import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { failed, UsageError } from "../../src/cli/CommandFailed.ts"
import { exitCode, exitCodes, exitOfEnd, exitOfError } from "../../src/cli/ExitCode.ts"
import { ConfigInvalid } from "../../src/config/ConfigInvalid.ts"
import { NoLocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { PidFileRefused } from "../../src/platform/PidFile.ts"
import { FolderUnusable } from "../../src/platform/PrivateFolder.ts"
import { WorkerRunsHere } from "../../src/platform/StateFolder.ts"
import { CertificateFileError } from "../../src/platform/TrustedCertificates.ts"
import { RegistrationRefused } from "../../src/worker/Registration.ts"
import type { WorkerEnd } from "../../src/worker/Worker.ts"

const end = (changes: Partial<WorkerEnd>): WorkerEnd => ({
  reason: "SIGTERM",
  rejected: undefined,
  tasks: "finished",
  reportsLeft: 0,
  logBytesLeft: 0,
  ...changes
})

describe("ExitCode", () => {
  it("the document shows the table", () => {
    const document = readFileSync(join(import.meta.dirname, "../../docs/exit-codes.md"), "utf8")
    const rows = Object.values(exitCodes).map(({ code, means }) => `| ${code} | ${means} |`)
    assert.deepStrictEqual(
      document.split("\n").filter((line) => /^\| \d/.test(line)),
      rows
    )
  })

  it("the systemd unit restarts after the codes that the documents name", () => {
    const read = (path: string) => readFileSync(join(import.meta.dirname, "../../docs", path), "utf8")
    const unit = read("guides/edge-worker.service")
    for (const setting of ["RestartPreventExitStatus", "SuccessExitStatus"]) {
      const line = new RegExp(`^${setting}=.*$`, "m").exec(unit)?.[0] ?? "none"
      for (const path of ["exit-codes.md", "guides/drop-in.md"])
        assert.include(read(path), `\`${line}\``, path)
    }
  })

  it("the hardest truth about an end wins", () => {
    const cases = [
      [end({}), 0],
      [end({ tasks: "terminated" }), 20],
      [end({ tasks: "killed" }), 21],
      [end({ tasks: "killed", reportsLeft: 1 }), 75],
      [end({ tasks: "terminated", logBytesLeft: 1 }), 75],
      [end({ rejected: "versions", reportsLeft: 1, tasks: "killed" }), 77]
    ] as const
    for (const [given, code] of cases) assert.strictEqual(exitCode(exitOfEnd(given)), code)
  })

  it("each error has its code", () => {
    const refused = (why: "versions" | "name" | "credentials" | "api") =>
      new RegistrationRefused({ why, reason: "no" })
    const at = { path: "/x", reason: "is bad", remedy: "Mend it" }
    const cases = [
      [new UsageError({ command: "edge-worker", problems: [] }), 64],
      [new ConfigInvalid({ mistakes: [] }), 78],
      [new FolderUnusable(at), 73],
      [new PidFileRefused(at), 73],
      [new WorkerRunsHere({ workerName: "one", path: "/x" }), 73],
      [refused("name"), 76],
      [refused("versions"), 77],
      [refused("credentials"), 77],
      [refused("api"), 78],
      [failed("noStatus", ""), 3],
      [new Error("?"), 1],
      [undefined, 1]
    ] as const
    for (const [error, code] of cases) assert.strictEqual(exitCode(exitOfError(error)), code)
    // their tags are what is looked at, so a renamed class must show here
    for (const type of [NoLocalAirflow, CertificateFileError]) {
      assert.strictEqual(
        exitOfError(Object.assign(Object.create(type.prototype), { _tag: type.name })),
        "config"
      )
    }
  })
})
