/** fakePython: stands for `python host.py …` where there is no Python: the host's protocol, and jobs as Node processes. */
import { spawn } from "node:child_process"
import { existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { parseArgs } from "node:util"

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    once: { type: "boolean" },
    claimed: { type: "string" },
    folder: { type: "string" },
    workload: { type: "string" },
    job: { type: "string" },
    runner: { type: "string" },
    idle: { type: "string" }
  }
})
const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
const startOf = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
}
const write = (folder, name, value) => {
  writeFileSync(join(folder, `.${name}.fake`), JSON.stringify(value))
  renameSync(join(folder, `.${name}.fake`), join(folder, name))
}
const claim = (folder, workload) => renameSync(join(folder, workload), join(folder, "workload.claimed"))
const forEver = () => setInterval(() => undefined, 1_000)

const behave = (command, end) => {
  const scratch = command.dag_rel_path
  switch (command.ti.task_id) {
    case "ok":
      return end(0)
    case "exit-3":
      process.stderr.write(Buffer.from("leaving\xff\n", "latin1"))
      return end(3)
    case "crash":
      return process.kill(process.pid, "SIGKILL")
    case "polite":
      process.on("SIGTERM", () => end(7))
      forEver()
      return writeFileSync(join(scratch, "ready"), "yes")
    case "wait":
      setInterval(() => existsSync(join(scratch, "go")) && end(0), 10)
      return writeFileSync(join(scratch, "ready"), String(process.pid))
    case "tree": {
      process.on("SIGTERM", () => undefined)
      forEver()
      const grandchild = spawn("sh", ["-c", "trap '' TERM; while :; do sleep 1; done"], {
        detached: true,
        stdio: "ignore"
      })
      writeFileSync(join(scratch, "written"), String(grandchild.pid))
      return renameSync(join(scratch, "written"), join(scratch, "grandchild"))
    }
    case "environment":
      writeFileSync(join(scratch, "environment"), JSON.stringify(process.env))
      return end(0)
  }
}

const runJob = (folder) => {
  const file = join(folder, "workload.claimed")
  const command = JSON.parse(readFileSync(file, "utf8"))
  rmSync(file)
  // Never longer than its test.
  setInterval(() => existsSync(folder) || process.exit(1), 100).unref()
  behave(command, (code) => {
    write(folder, "exit", { code })
    process.exit(code)
  })
}

const serve = (folder) => {
  const clients = new Set()
  let jobs = 0
  let retired = false
  const push = (client, message) => client.write(`${JSON.stringify(message)}\n`)
  const start = ({ job, folder: at, workload }) => {
    const how = process.env.FAKE_START
    if (retired || how === "refuse") throw new Error("this host is retired")
    if (how === "die") process.kill(process.pid, "SIGKILL")
    claim(at, workload)
    const stdio = ["ignore", openSync(join(at, "stdout"), "a"), openSync(join(at, "stderr"), "a")]
    const env = { ...process.env, EDGE_WORKER_JOB: job }
    const args = [process.argv[1], process.argv[2], "--claimed", at]
    const child = spawn(process.execPath, args, { detached: true, stdio, env })
    const identity = { pid: child.pid, start: startOf(child.pid), boot }
    write(at, "pid", identity)
    jobs++
    child.on("exit", (code, signal) => {
      jobs--
      const end = signal === null ? { code } : { signal }
      if (!existsSync(join(at, "exit"))) write(at, "exit", end)
      for (const client of clients) push(client, { event: "ended", job, ...end })
    })
    if (how === "die after") process.kill(process.pid, "SIGKILL")
    return identity
  }
  const server = createServer((client) => {
    clients.add(client)
    client.on("close", () => clients.delete(client)).on("error", () => undefined)
    push(client, { event: "ready", pid: process.pid, threads: 1 })
    let rest = ""
    client.on("data", (data) => {
      const lines = (rest + data).split("\n")
      rest = lines.pop()
      for (const request of lines.map((line) => JSON.parse(line))) {
        try {
          if (request.op === "retire") retired = true
          const answer = request.op === "start" ? start(request) : { jobs: [], retired }
          push(client, { id: request.id, ok: true, ...answer })
        } catch (error) {
          push(client, { id: request.id, ok: false, error: error.message })
        }
      }
    })
  })
  server.listen(join(folder, "socket"))
  setInterval(() => jobs === 0 && (retired || !existsSync(folder)) && process.exit(0), 50)
}

if (options.claimed !== undefined) runJob(options.claimed)
else if (options.once) {
  claim(options.folder, options.workload)
  write(options.folder, "pid", { pid: process.pid, start: startOf(process.pid), boot })
  runJob(options.folder)
} else if (process.env.FAKE_START === "no host") {
  process.stderr.write("ImportError: no airflow here\n")
  process.exit(1)
} else serve(options.folder)
