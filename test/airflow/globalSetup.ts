/** globalSetup: one real Airflow for the whole suite: the running one of EDGE_WORKER_TEST_SITE_FOLDER, or one of its own. */
import { mkdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { down, find, up } from "../../scripts/airflow/site.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly siteFolder: string
    /** When the suite began, epoch milliseconds: what was built since need not be built again. */
    readonly suiteBegan: number
  }
}

export default async (project: TestProject) => {
  const given = process.env["EDGE_WORKER_TEST_SITE_FOLDER"]
  const folder = resolve(given ?? ".airflow")
  const started = find(folder) === undefined
  if (given !== undefined && started) throw new Error(`no site runs in EDGE_WORKER_TEST_SITE_FOLDER=${given}`)
  if (started) await up(folder, { say: (line) => process.stderr.write(`${line}\n`), tied: true })
  for (const name of ["workers", "recorded"]) {
    rmSync(join(folder, name), { recursive: true, force: true })
    mkdirSync(join(folder, name), { recursive: true })
  }
  project.provide("siteFolder", folder)
  project.provide("suiteBegan", Date.now())
  // For the tests that need Airflow's Python and no site; the processes that run the tests are started after this.
  process.env["EDGE_WORKER_TEST_AIRFLOW_PYTHON"] ??= join(folder, "venv", "bin", "python")
  return async () => {
    if (started) await down(folder)
  }
}
