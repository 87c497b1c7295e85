/** fakePython: makes an interpreter for tests that stands for Python with Airflow: a script of Node. */
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** The path of a program in `folder` that takes the arguments which the runner gives to Python. */
export const fakePython = (folder: string): string => {
  const file = join(folder, "python")
  writeFileSync(
    file,
    `#!/bin/sh\nexec '${process.execPath}' '${join(import.meta.dirname, "fakePython.mjs")}' "$@"\n`
  )
  chmodSync(file, 0o700)
  return file
}
