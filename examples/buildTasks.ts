/**
 * Makes one file of a task program, for a machine that has Node and no npm; with `--executable` also one executable, for a
 * machine that has neither. `node buildTasks.ts taskWorker.ts [--executable]` in a project that has rolldown.
 */
import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { rolldown } from "rolldown"

const [source = "taskWorker.ts", ...flags] = process.argv.slice(2)
const folder = "out-tasks"
const name = basename(source).replace(/\.[jt]s$/, "")
const file = join(folder, `${name}.cjs`)

const bundle = async () => {
  const build = await rolldown({
    input: source,
    platform: "node",
    // Loaded by name only by a worker that sends traces and by a central on PostgreSQL, which need packages of their own.
    external: [/[/\\](?:OpenTelemetry|Postgres)\.js$/],
    // Effect asks for it in a place that no task reaches.
    transform: { define: { "import.meta": "{}" } }
  })
  await build.write({ file, format: "cjs", minify: true, codeSplitting: false, comments: { legal: false } })
  await build.close()
}

/** A copy of this Node with the file in it (https://nodejs.org/api/single-executable-applications.html). */
const executable = () => {
  const config = join(folder, "sea.json")
  const blob = join(folder, "sea.blob")
  const target = join(folder, name)
  writeFileSync(config, JSON.stringify({ main: file, output: blob, disableExperimentalSEAWarning: true }))
  execFileSync(process.execPath, ["--experimental-sea-config", config], { stdio: "inherit" })
  copyFileSync(process.execPath, target)
  chmodSync(target, 0o755)
  const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"
  execFileSync(
    "npx",
    ["--yes", "postject@1.0.0-alpha.6", target, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse],
    { stdio: "inherit" }
  )
  return target
}

mkdirSync(folder, { recursive: true })
await bundle()
console.log(file)
if (flags.includes("--executable")) console.log(executable())
