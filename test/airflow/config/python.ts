/** python: runs this folder's scripts with the Python of a real Airflow, away from its site's configuration. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { inject } from "vitest"

/** Of EDGE_WORKER_TEST_AIRFLOW_PYTHON, else of the suite's site; without both the test fails. */
export const airflowPython = (): string => {
  const given = process.env["EDGE_WORKER_TEST_AIRFLOW_PYTHON"]
  if (given !== undefined) return given
  const folder: string | undefined = inject("siteFolder")
  if (folder !== undefined) return join(folder, "venv", "bin", "python")
  throw new Error("EDGE_WORKER_TEST_AIRFLOW_PYTHON must name a Python with Airflow 3.3.2 and edge3 5.1.0")
}

/** The last line of a script's stdout; Airflow may print before it. */
export const runScript = (script: string, env: Readonly<Record<string, string>>, input = ""): string => {
  const stdout = execFileSync(airflowPython(), [join(import.meta.dirname, script)], {
    input,
    env: { PATH: process.env["PATH"] ?? "", PYTHONUTF8: "1", PYTHONPATH: import.meta.dirname, ...env },
    stdio: ["pipe", "pipe", "ignore"],
    maxBuffer: 1 << 28,
    encoding: "utf8"
  })
  return stdout.trimEnd().split("\n").at(-1) ?? ""
}

/** The environment in which Airflow's secrets backend knows these secrets. */
export const backendOf = (secrets: Readonly<Record<string, string>>) => ({
  PYTHONPATH: import.meta.dirname,
  ANSWERING_BACKEND: JSON.stringify(secrets),
  AIRFLOW__SECRETS__BACKEND: "answering_backend.AnsweringBackend"
})
