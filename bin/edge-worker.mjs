#!/usr/bin/env node
/**
 * The command: checks the Node version, then becomes (execve: same pid) the program under a Node with our own flags.
 *
 * Syntax and imports are those of Node 12, so that an old Node can still say what is wrong.
 */
import fs from "fs"
import path from "path"
import process from "process"
import url from "url"

const wanted = 24
const packageFolder = path.dirname(path.dirname(url.fileURLToPath(import.meta.url)))

/** Ends with EX_CONFIG of sysexits.h: starting again without a change would not help. */
const refuse = (lines) => {
  process.stderr.write(`edge-worker: ${lines.join("\n  ")}\n`)
  process.exit(78)
}

if (Number(process.versions.node.split(".")[0]) < wanted) {
  refuse([
    `needs Node ${wanted} or newer, but this is Node ${process.versions.node} (${process.execPath}).`,
    `Put a Node ${wanted} first in the PATH, or name it: /path/to/node${wanted} ${process.argv[1]} …`,
    `In an npm project \`npm install node@${wanted}\` is enough: npx and npm scripts use it then.`
  ])
}
if (typeof process.execve !== "function") {
  refuse([`runs on Linux and macOS; this is ${process.platform} (process.execve is missing).`])
}
if (!fs.existsSync(path.join(packageFolder, "out", "edge-worker.cjs"))) {
  refuse([
    `${path.join(packageFolder, "out", "edge-worker.cjs")} is missing: the package was not built.`,
    "In a clone run `npm ci` (or `npm run build`)."
  ])
}

// NODE_OPTIONS is meant for other programs (an inspector port, a preloaded agent): it must not reach a worker by
// accident. Its tasks see it as they would under the Python worker: runner/taskEnvironment.ts puts it back.
const env = Object.assign({}, process.env, {
  NODE_OPTIONS: process.env.EDGE_WORKER_NODE_OPTIONS || "",
  EDGE_WORKER_TASK_NODE_OPTIONS: process.env.NODE_OPTIONS || ""
})

process.execve(
  process.execPath,
  // SIGUSR1 would open Node's inspector. V8 lets a young generation of 16 MB and more pile up before it looks (bench/soak.ts).
  [
    process.execPath,
    "--disable-sigusr1",
    "--max-semi-space-size=4",
    path.join(packageFolder, "bin", "start.cjs")
  ].concat(process.argv.slice(2)),
  env
)
