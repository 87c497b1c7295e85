/** install: a Python environment with the pinned Airflow and edge3 in a folder of its own. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** The releases that this project is tested against. */
export const airflowVersion = "3.3.2"
/** The edge3 provider's release that this project is tested against. */
export const edgeVersion = "5.1.0"

/** What is missing on this machine, in one line, and what to do about it. */
export class Missing extends Error {}

const run = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 << 20 })

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? ""

/** Makes `FOLDER/venv` unless it has these very versions already. Takes about a minute, and the network. */
export const install = (
  folder: string,
  options: { readonly postgres: boolean; readonly say: (line: string) => void }
): string => {
  const venv = join(folder, "venv")
  const mark = join(venv, "installed.txt")
  const wanted = [`apache-airflow==${airflowVersion}`, `apache-airflow-providers-edge3==${edgeVersion}`]
  if (options.postgres) wanted.push("psycopg2-binary", "asyncpg")
  const installed = existsSync(mark) ? readFileSync(mark, "utf8").trim().split("\n") : []
  if (wanted.every((name) => installed.includes(name))) return venv

  const python = process.env["PYTHON"] ?? "python3"
  const version = run(python, [
    "-c",
    "import sys; print(sys.version_info >= (3, 10), sys.version.split()[0])"
  ])
  if (version.error !== undefined || version.status !== 0)
    throw new Missing(`${python} does not run: install Python 3.10 or newer, or name one in PYTHON`)
  if (!version.stdout.startsWith("True"))
    throw new Missing(
      `${python} is Python ${lastLine(version.stdout).slice(6)}: Airflow ${airflowVersion} needs 3.10`
    )

  options.say(
    `installing Airflow ${airflowVersion} with edge3 ${edgeVersion} in ${venv} (takes about a minute)`
  )
  mkdirSync(folder, { recursive: true })
  rmSync(venv, { recursive: true, force: true })
  const made = run(python, ["-m", "venv", venv])
  if (made.status !== 0)
    throw new Missing(
      `"${python} -m venv" fails: install Python's venv module (Debian: apt install python3-venv)`
    )
  const pip = run(join(venv, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "uv"])
  if (pip.status !== 0)
    throw new Missing(`pip cannot reach the Python package index: ${lastLine(pip.stderr)}`)
  const constraints = join(import.meta.dirname, "constraints.txt")
  const uv = run(join(venv, "bin", "uv"), [
    ...["pip", "install", "--quiet", "--compile-bytecode"],
    ...["--python", join(venv, "bin", "python"), "--constraint", constraints, ...wanted]
  ])
  if (uv.status !== 0)
    throw new Missing(
      `Airflow ${airflowVersion} cannot be installed: ${uv.stderr.trim().replaceAll(/\s+/g, " ")}`
    )
  writeFileSync(mark, `${wanted.join("\n")}\n`)
  return venv
}
