/** Builds what is shipped: `out/` (the bin, one file an entry) and `dist/` (the library, unbundled, with types). */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import { type Plugin, rolldown } from "rolldown"

const root = dirname(import.meta.dirname)
const out = join(root, "out")

/**
 * The files of `out/`. Each is self-contained: no shared chunks, so a heavy part costs nothing until it is imported.
 * The first is the program; the others are loaded by `import()` of the source file that is named here.
 */
const entries: ReadonlyArray<{ readonly source: string; readonly file: string }> = [
  { source: "src/cli/main.ts", file: "edge-worker.cjs" },
  { source: "src/observability/OpenTelemetry.ts", file: "telemetry.cjs" },
  { source: "src/cli/embedded.ts", file: "central.cjs" },
  { source: "src/cli/taskKind.ts", file: "tasks.cjs" },
  { source: "src/platform/Postgres.ts", file: "postgres.cjs" }
]

const target = (entry: { readonly source: string }) => join(root, entry.source)

/** `import()` of another entry stays an `import()`, of the file which that entry becomes. */
const lazyEntries = (own: string): Plugin => ({
  name: "lazy-entries",
  resolveDynamicImport(source, importer) {
    if (!source.startsWith(".") || importer === undefined) return null
    const wanted = resolve(dirname(importer), source)
    const entry = entries.find((entry) => target(entry) === wanted && entry.source !== own)
    return entry === undefined ? null : { id: `./${entry.file}`, external: true }
  }
})

/**
 * A secret that one bundle has wrapped is read by another: the worker's settings by what runs tasks. Effect keeps what is
 * wrapped in a map of the module, which each bundle has a copy of; all of them get the same one.
 */
const oneRegistry: Plugin = {
  name: "one-registry",
  transform(code, id) {
    if (!id.endsWith("/effect/dist/internal/redacted.js")) return null
    const [before, after, ...more] = code.split("new WeakMap()")
    if (before === undefined || after === undefined || more.length > 0)
      throw new Error("effect keeps what Redacted wraps in another way: see to it that bundles share it")
    return `${before}(globalThis[Symbol.for("edge-worker/redacted")] ??= new WeakMap())${after}`
  }
}

/** The packages whose code went into a bundle; their licences ask to be named. */
const packagesOf = (modules: Iterable<string>) => {
  const folders = new Set<string>()
  for (const id of modules) {
    const found = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)
    if (found?.[1] !== undefined) folders.add(found[1])
  }
  return folders
}

const bundle = async (entry: (typeof entries)[number]) => {
  const build = await rolldown({
    input: target(entry),
    platform: "node",
    // effect asks for it in a place that a worker does not reach
    transform: { define: { "import.meta": "{}" } },
    plugins: [lazyEntries(entry.source), oneRegistry],
    onwarn: (warning) => {
      // effect's ConfigProvider reads `import.meta?.env` where there is one; our own code must not
      if (warning.code === "EMPTY_IMPORT_META" && warning.id?.includes("/node_modules/effect/")) return
      throw new Error(`rolldown, ${entry.source}: ${warning.message}`)
    }
  })
  const { output } = await build.write({
    file: join(out, entry.file),
    format: "cjs",
    minify: true,
    codeSplitting: false,
    comments: { legal: false }
  })
  await build.close()
  if (output.length !== 1) throw new Error(`${entry.source} became ${output.length} files; one was expected`)
  return packagesOf(output[0].moduleIds)
}

const notices = (folders: ReadonlySet<string>) => {
  const sections = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    const file = ["LICENSE", "LICENSE.md", "license", "LICENCE"].map((n) => join(folder, n)).find(existsSync)
    const text = file === undefined ? "" : `\n\n${readFileSync(file, "utf8").trim()}`
    return `${name} ${version} (${license})${text}\n`
  })
  writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), sections.join(`\n${"-".repeat(80)}\n\n`))
}

const library = () =>
  new Promise<void>((done, fail) => {
    rmSync(join(root, "dist"), { recursive: true, force: true })
    const tsc = spawn(join(root, "node_modules/.bin/tsc"), ["--project", "tsconfig.build.json"], {
      cwd: root,
      stdio: "inherit"
    })
    tsc.on("error", fail)
    tsc.on("exit", (code) =>
      code === 0 ? done() : fail(new Error(`tsc --project tsconfig.build.json: ${code}`))
    )
  })

const start = performance.now()
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const [packages] = await Promise.all([Promise.all(entries.map(bundle)), library()])
notices(packages.reduce((all, some) => all.union(some), new Set<string>()))
const files = entries.map((entry) => relative(root, join(out, basename(entry.file)))).join(", ")
console.log(`built ${files} and dist/ in ${((performance.now() - start) / 1000).toFixed(1)} s`)
