/** askAirflow: what a script of this folder prints as JSON, run by a real Airflow's Python in a home that is gone afterwards. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runScript } from "../config/python.ts"

/** The caller knows what its script prints. */
export const askAirflow = <A>(
  script: string,
  input: unknown,
  env: Readonly<Record<string, string>> = {}
): A => {
  const home = mkdtempSync(join(tmpdir(), "airflow-home-"))
  try {
    return JSON.parse(
      runScript(`../attempt/${script}`, { AIRFLOW_HOME: home, ...env }, JSON.stringify(input))
    )
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
