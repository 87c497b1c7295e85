/** pythonCandidates: the places where a Python with Airflow may be, best first. */
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import * as path from "node:path"

/** One place that was looked at. */
export interface PythonCandidate {
  readonly python: string
  /** For a message: `[edge_worker] python`, `$VIRTUAL_ENV`, … */
  readonly from: string
  readonly exists: boolean
}

/** The interpreter in a script's first line, with the two detours that pip takes: `env`, and `exec` for a long path. */
const shebang = (text: string): string | undefined => {
  const [first = "", second = ""] = text.split("\n", 2)
  const words = first.replace(/^#!\s*/, "").split(/\s+/)
  if (words[0]?.endsWith("/env")) return words[1]
  if (words[0]?.endsWith("/sh")) return /^'''exec' "?([^"]+?)"? "\$0"/.exec(second)?.[1]
  return first.startsWith("#!") ? words[0] : undefined
}

const onPath = (program: string, env: NodeJS.ProcessEnv) =>
  (env["PATH"] ?? "")
    .split(":")
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, program))
    .find((file) => existsSync(file))

/** In the order of the documentation: the named one, `$VIRTUAL_ENV`, the shebang of the first `airflow` on the PATH. */
export const pythonCandidates = async (
  named: string | undefined,
  env: NodeJS.ProcessEnv
): Promise<ReadonlyArray<PythonCandidate>> => {
  const at = (python: string, from: string) => ({ python, from, exists: existsSync(python) })
  // A named Python is used or nothing is: another one would hold another Airflow.
  if (named !== undefined) return [at(named, `[edge_worker] python = ${named}`)]
  const virtualEnv = env["VIRTUAL_ENV"]
  const airflow = onPath("airflow", env)
  const interpreter =
    airflow === undefined ? undefined : shebang(await readFile(airflow, "utf8").catch(() => ""))
  const python =
    interpreter === undefined || interpreter.includes("/") ? interpreter : onPath(interpreter, env)
  return [
    virtualEnv
      ? at(path.join(virtualEnv, "bin", "python"), `$VIRTUAL_ENV = ${virtualEnv}`)
      : { python: "", from: "$VIRTUAL_ENV, which is not set", exists: false },
    airflow === undefined
      ? { python: "", from: "the PATH, which has no airflow", exists: false }
      : python === undefined
        ? { python: "", from: `${airflow}, whose first line names no Python`, exists: false }
        : at(python, `${airflow}, which names ${python}`)
  ]
}
