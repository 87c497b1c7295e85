/** command: a configured command for tests; it does what its task's name says (test/suites/runner.ts). */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [, , base] = process.argv
const scratch = join(base, process.env.EDGE_WORKER_JOB)
const end = (code) => process.exit(code)
// Never longer than its test.
setInterval(() => existsSync(scratch) || end(1), 100).unref()
const forEver = () => setInterval(() => undefined, 1_000)

const behaviours = {
  ok: () => end(0),
  "exit-3": () => {
    process.stderr.write(Buffer.from("leaving\xff\n", "latin1"))
    process.exitCode = 3
  },
  crash: () => process.kill(process.pid, "SIGKILL"),
  polite: () => {
    process.on("SIGTERM", () => end(7))
    forEver()
    writeFileSync(join(scratch, "ready"), "yes")
  },
  wait: () => {
    setInterval(() => existsSync(join(scratch, "go")) && end(0), 10)
    writeFileSync(join(scratch, "ready"), String(process.pid))
  },
  tree: () => {
    process.on("SIGTERM", () => undefined)
    forEver()
    const grandchild = spawn("sh", ["-c", "trap '' TERM; while :; do sleep 1; done"], {
      detached: true,
      stdio: "ignore"
    })
    writeFileSync(join(scratch, "written"), String(grandchild.pid))
    renameSync(join(scratch, "written"), join(scratch, "grandchild"))
  },
  environment: () => {
    writeFileSync(join(scratch, "environment"), JSON.stringify(process.env))
    end(0)
  },
  /** Writes what it was given as conf. */
  conf: () => process.stdout.write(readFileSync(process.env.EDGE_WORKER_CONF, "utf8"))
}
behaviours[process.env.EDGE_WORKER_TASK_ID]()
