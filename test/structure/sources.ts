/** sources: the files of src/ and what each of them imports, as the structure tests look at them. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"

/** The clone's own folder. */
export const root = resolve(import.meta.dirname, "../..")

/** One import or re-export of a file. */
export interface Import {
  readonly specifier: string
  /** `import type` and `export type` leave nothing behind in the program. */
  readonly typeOnly: boolean
  /** The folder under src/ that a relative import leads to; "" for a file of src/ itself. */
  readonly folder: string | undefined
}

/** One file of src/. */
export interface Source {
  /** From src/, with slashes: `worker/Slots.ts`. */
  readonly path: string
  /** `worker`; "" for src/index.ts. */
  readonly folder: string
  readonly text: string
  /** The text without comments. */
  readonly code: string
  readonly lines: number
  readonly generated: boolean
  readonly imports: ReadonlyArray<Import>
}

const withoutComments = (text: string): string =>
  text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g,
    (_, literal: string | undefined) => literal ?? ""
  )

const statement =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[\w*{][^"'`;()=]*?\sfrom\s+)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']\s*\)/g

const importsOf = (path: string, code: string): ReadonlyArray<Import> =>
  [...code.matchAll(statement)].map((found) => {
    const specifier = found[3] ?? found[4] ?? ""
    const target = relative("src", join("src", dirname(path), specifier))
    return {
      specifier,
      typeOnly: found[2] !== undefined,
      folder: specifier.startsWith(".") ? topFolder(target) : undefined
    }
  })

const topFolder = (path: string): string => (path.includes(sep) ? (path.split(sep)[0] ?? "") : "")

/** Describes a file of src/ from its path and text; also used by tests on made-up files. */
export const describeSource = (path: string, text: string): Source => {
  const code = withoutComments(text)
  return {
    path,
    folder: topFolder(path),
    text,
    code,
    lines: text.split("\n").length - 1,
    generated: path.includes("/generated/"),
    imports: importsOf(path, code)
  }
}

/** Every TypeScript file of src/. */
export const sources = (): ReadonlyArray<Source> =>
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => describeSource(path, readFileSync(join(root, "src", path), "utf8")))

/** Every file that is, or is about to be, in the repository. */
export const repositoryFiles = (): ReadonlyArray<string> =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8"
  })
    .split("\0")
    .filter((path) => path !== "")
