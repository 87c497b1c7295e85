/** Installs what `npm pack` makes into an empty project, and uses it there as command and as typed library. */
import { execFileSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const root = dirname(import.meta.dirname)
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const folder = mkdtempSync(join(tmpdir(), "edge-worker-package-"))

const run = (cwd: string, command: string, ...args: ReadonlyArray<string>): string =>
  execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 300_000
  })

const expect = (holds: boolean, message: string) => {
  if (!holds) throw new Error(message)
}

let passed = 0
let failed = 0
const step = (name: string, body: () => void) => {
  const start = performance.now()
  let problem: string | undefined
  try {
    body()
    passed++
  } catch (error) {
    failed++
    const output = error instanceof Error && "stdout" in error ? String(error.stdout) : ""
    problem = `${output}${error instanceof Error ? error.message : String(error)}`
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(
    `${problem === undefined ? "ok  " : "FAIL"} ${name} ${seconds} s${problem ? `\n${problem}` : ""}`
  )
}

const project = join(folder, "project")
const pin = (name: string) => `${name}@${manifest.devDependencies[name]}`

/** Imports each entry by value and by type, and runs an effect of the installed Effect with what it finds. */
const consumer = `import { Worker } from "edge-worker"
import * as main from "edge-worker"
import * as node from "edge-worker/node"
import * as task from "edge-worker/task"
import * as testing from "edge-worker/testing"
import * as Effect from "effect/Effect"

export const queues: Effect.Effect<ReadonlyArray<string> | null, never, Worker> = Effect.gen(function* () {
  const worker = yield* Worker
  const status = yield* worker.status
  return status.queues
})
// @ts-expect-error a status has no such key: the types are those of the package, not any
export const wrong = Effect.gen(function* () { return (yield* (yield* Worker).status).no_such_key })

console.log(JSON.stringify([main, node, task, testing].map((entry) => Object.keys(entry).length)))
`

try {
  step("npm pack", () => {
    // what the prepare step prints comes before the JSON
    const output = run(root, "npm", "pack", "--json", "--silent", "--pack-destination", folder)
    const [packed] = JSON.parse(output.slice(output.search(/^\[/m)))
    const paths: ReadonlyArray<string> = packed.files.map((file: { readonly path: string }) => file.path)
    const strange = paths.filter(
      (path) => !/^(bin|dist|out)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(path)
    )
    expect(strange.length === 0, `files that nobody needs: ${strange.join(", ")}`)
    for (const wanted of [
      "bin/edge-worker.mjs",
      "out/edge-worker.cjs",
      "dist/index.d.ts",
      "LICENSE",
      "README.md"
    ])
      expect(paths.includes(wanted), `${wanted} is not in the package`)
    console.log(`     ${packed.filename}: ${paths.length} files, ${Math.round(packed.size / 1024)} KiB`)
  })
  step("npm install in an empty project", () => {
    mkdirSync(project)
    const own = {
      name: "consumer",
      version: "1.0.0",
      type: "module",
      private: true,
      allowScripts: { node: true }
    }
    writeFileSync(join(project, "package.json"), JSON.stringify(own))
    const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""
    run(
      project,
      "npm",
      ...["install", "--silent", "--no-fund", "--no-audit", join(folder, archive)],
      ...["node", "typescript", "@types/node", "rolldown"].map(pin)
    )
  })
  for (const [where, cwd] of [
    ["the project", project],
    ["the clone", root]
  ] as const) {
    step(`npx edge-worker --version in ${where}`, () => {
      const version = run(cwd, "npx", "--no-install", "edge-worker", "--version")
      expect(version.includes(manifest.version), `it printed ${version}`)
    })
  }
  step("npx edge-worker worker --help in the project", () => {
    const help = run(project, "npx", "--no-install", "edge-worker", "worker", "--help")
    expect(help.includes("--concurrency"), `no --concurrency in\n${help}`)
  })
  step("npx edge-worker --help in the project", () => {
    const help = run(project, "npx", "--no-install", "edge-worker", "--help")
    for (const word of ["worker", "status", "stop", "maintenance"])
      expect(help.includes(word), `no "${word}" in\n${help}`)
  })
  step("a typed consumer and the examples compile", () => {
    const source = join(project, "source")
    mkdirSync(source)
    if (existsSync(join(root, "examples"))) cpSync(join(root, "examples"), source, { recursive: true })
    writeFileSync(join(source, "consumer.ts"), consumer)
    const compilerOptions = {
      ...{
        target: "ES2024",
        module: "NodeNext",
        strict: true,
        exactOptionalPropertyTypes: true,
        types: ["node"]
      },
      ...{ rootDir: "source", outDir: "built", rewriteRelativeImportExtensions: true }
    }
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["source"] }))
    run(project, "npx", "--no-install", "tsc")
  })
  step("the consumer runs", () => {
    const counts: ReadonlyArray<number> = JSON.parse(
      run(project, "npx", "--no-install", "node", "built/consumer.js")
    )
    expect(counts.length === 4 && counts.every((count) => count > 0), `names of the entries: ${counts}`)
  })
  step("an example runs", () => {
    const output = run(project, "npx", "--no-install", "node", "built/tryInMemory.js")
    expect(output.includes("the site says offline"), `it printed ${output}`)
  })
  step("a program of tasks becomes one file, which is a worker", () => {
    const npx = (...args: ReadonlyArray<string>) => run(project, "npx", "--no-install", "node", ...args)
    const file = npx("built/buildTasks.js", "built/taskWorker.js").trim()
    const version = npx(file, "--version")
    expect(version.includes(manifest.version), `it printed ${version}`)
  })
  step("the command runs the tasks of another program, at a site of its own", () => {
    const site = join(folder, "site")
    const script = `
      export PATH="$PWD/node_modules/.bin:$PATH"
      edge-worker standalone --folder ${site} --port 0 --no-example \\
        --task-program "node out-tasks/taskWorker.cjs" > site.txt & pid=$!
      trap "kill $pid; wait $pid" EXIT
      until grep -q "Ctrl-C ends all of it" site.txt; do kill -0 $pid && sleep 0.1 || exit 1; done
      . ${site}/site.sh
      for task in read mean check; do edge-worker submit readings $task --run-id r --wait; done
      edge-worker logs readings check r`
    const output = run(project, "sh", "-ec", script)
    expect(/ {2}fine mean=21\n/.test(output), `the log of the last task:\n${output}`)
  })
  step("a program that embeds a worker takes jobs of a site", () => {
    const site = join(folder, "site")
    const script = `
      export PATH="$PWD/node_modules/.bin:$PATH"
      edge-worker standalone --folder ${site} --port 0 --no-example --queues default > site.txt & pid=$!
      trap "kill $pid; wait $pid" EXIT
      until grep -q "Ctrl-C ends all of it" site.txt; do kill -0 $pid && sleep 0.1 || exit 1; done
      . ${site}/site.sh
      node built/embed.js > embed.txt & own=$!
      edge-worker submit words hamlet -q words --run-id r --wait
      edge-worker logs words hamlet r
      kill -INT $own
      wait $own
      cat embed.txt`
    const output = run(project, "sh", "-ec", script)
    for (const line of ["hamlet: 6 words", "ended: SIGINT; reports left: 0"])
      expect(output.includes(line), `no "${line}" in\n${output}`)
  })
  step("the examples of tasks run", () => {
    const output = run(project, "npx", "--no-install", "node", "built/tryTasks.js")
    for (const line of [
      "crunch: SucceedTask, 42",
      'total: {"currency":"EUR","total":3.5,"last":12345678901234567890}',
      "hand_over: SucceedTask, triggered billing",
      "hand_over: RetryTask",
      "wait_for_file: DeferTask, then /data/ready",
      'approve: "Ada stopped it"',
      'write: [{"dest_asset_key":{"name":"bills","uri":"s3://orders/bills"},"extra":{"bills":3}}]'
    ])
      expect(output.split("\n").includes(line), `no line ${line} in\n${output}`)
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
