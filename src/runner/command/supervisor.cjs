/**
 * The supervisor of a command: `node supervisor.cjs FOLDER WORKLOAD` runs one command and outlives the worker.
 *
 * The command's lines go to the job's log as they come, its end into the job's folder. It takes the workload by renaming
 * it, and removes it once its own pid is on disk: what was never claimed never ran. Standard library only.
 */
const { spawn } = require("node:child_process")
const fs = require("node:fs")
const { errno } = require("node:os").constants
const { join } = require("node:path")

const [folder, workload] = process.argv.slice(2)
const claimed = join(folder, "workload.claimed")

/** More of one line becomes another event. */
const LONGEST_LINE = 64 * 1024
/** What of stderr stands beside the reason of a failure; the log has all of it. */
const LAST_WORDS = 4 * 1024
/** A process that the command has left behind may hold its output open. */
const QUIET = 100
const LONGEST_WAIT = 2_000

const write = (name, value) => {
  const file = join(folder, `.${name}.supervisor`)
  fs.writeFileSync(file, JSON.stringify(value), { mode: 0o600 })
  fs.renameSync(file, join(folder, name))
}

const read = (file) => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const identity = () => {
  const stat = read("/proc/self/stat")
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  return { pid: process.pid, start, boot: read("/proc/sys/kernel/random/boot_id").trim() }
}

/** As the worker reads what is not UTF-8: `\xNN`. */
const textOf = (bytes) => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    return strict.decode(bytes)
  } catch {
    let text = ""
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at]
      const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
      try {
        text += strict.decode(bytes.subarray(at, at + length))
        at += length
      } catch {
        text += `\\x${first.toString(16).padStart(2, "0")}`
        at += 1
      }
    }
    return text
  }
}

const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

/** By number: Node has no name for EDQUOT. */
const passing = new Set([errno.ENOSPC, errno.EDQUOT, errno.EAGAIN])

/** Whole, however long it takes: while a disk is full the command waits in its own write. */
const append = (file, text) => {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(file, rest))
    } catch (error) {
      if (!passing.has(-error.errno)) throw error
      pause(500)
    }
  }
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants

/** An event for each line, in the form in which Airflow's own task logs have them. */
const eventsTo = (log, level, logger) => {
  let rest = Buffer.alloc(0)
  const event = (bytes) => {
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
    const timestamp = new Date().toISOString().replace("Z", "000Z")
    return `${JSON.stringify({ timestamp, level, event: textOf(bytes.subarray(0, end)), logger })}\n`
  }
  return {
    add: (data) => {
      let events = ""
      let from = 0
      for (let end = data.indexOf(0x0a); end !== -1; end = data.indexOf(0x0a, from)) {
        events += event(Buffer.concat([rest, data.subarray(from, end)]))
        rest = Buffer.alloc(0)
        from = end + 1
      }
      rest = Buffer.concat([rest, data.subarray(from)])
      while (rest.length > LONGEST_LINE) {
        let cut = LONGEST_LINE
        // The cut must not go through a character.
        while (cut > LONGEST_LINE - 4 && (rest[cut] & 0xc0) === 0x80) cut--
        events += event(rest.subarray(0, cut))
        rest = rest.subarray(cut)
      }
      append(log, events)
    },
    end: () => {
      if (rest.length > 0) append(log, event(rest))
      rest = Buffer.alloc(0)
    }
  }
}

/** The last lines of what was said; the first of them is whole. */
const lastWords = () => {
  let bytes = Buffer.alloc(0)
  let cut = false
  return {
    add: (data) => {
      const all = Buffer.concat([bytes, data])
      cut ||= all.length > LAST_WORDS
      bytes = all.subarray(Math.max(0, all.length - LAST_WORDS))
    },
    tell: () => fs.writeSync(2, cut ? bytes.subarray(bytes.indexOf(0x0a) + 1) : bytes)
  }
}

const run = ({ argv, log: file }) => {
  const log = fs.openSync(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o664)
  const { EDGE_WORKER_TASK_NODE_OPTIONS: nodeOptions, ...env } = process.env
  if (nodeOptions) env.NODE_OPTIONS = nodeOptions
  const [program, ...args] = argv
  // In a session of its own: a signal to all of it does not come back to us.
  const child = spawn(program, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  const stdout = eventsTo(log, "info", "task.stdout")
  const stderr = eventsTo(log, "error", "task.stderr")
  const words = lastWords()
  let end
  const finish = () => {
    stdout.end()
    stderr.end()
    words.tell()
    write("exit", end)
    process.exit(0)
  }
  let quiet
  const heard = () => {
    if (end === undefined) return
    clearTimeout(quiet)
    quiet = setTimeout(finish, QUIET)
  }
  child.on("error", (error) => {
    if (child.pid !== undefined) return
    stderr.add(Buffer.from(`${program} could not be started: ${error.message}\n`))
    words.add(Buffer.from(`${program} could not be started: ${error.message}\n`))
    end = { code: 127 }
    finish()
  })
  if (child.pid === undefined) return
  child.stdout.on("data", (data) => {
    stdout.add(data)
    heard()
  })
  child.stderr.on("data", (data) => {
    stderr.add(data)
    words.add(data)
    heard()
  })
  child.on("exit", (code, signal) => {
    end = signal === null ? { code } : { signal }
    setTimeout(finish, LONGEST_WAIT)
    heard()
  })
  child.on("close", finish)
  process.on("SIGTERM", () => {
    try {
      process.kill(-child.pid, "SIGTERM")
    } catch {
      // it has just ended
    }
  })
}

// A worker's terminal that goes away, or a Ctrl-C there, is no concern of a job.
for (const signal of ["SIGHUP", "SIGINT"]) process.on(signal, () => undefined)
try {
  fs.renameSync(join(folder, workload), claimed)
} catch {
  // Taken back: nobody wants it any more.
  process.exit(0)
}
const task = JSON.parse(fs.readFileSync(claimed, "utf8"))
write("pid", identity())
fs.rmSync(claimed)
run(task)
