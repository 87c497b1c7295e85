/** SitePackages: where a Python keeps its packages, and which versions lie there, read from files alone. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, isAbsolute, join } from "node:path"

/** What a Python would import from, as far as its files tell. */
export interface PythonPlaces {
  /** `3.12.4`, or `3.12` where no file says more; `undefined` where none says anything. */
  readonly pythonVersion: string | undefined
  /** Existing folders, in the order in which Python looks at them. */
  readonly folders: ReadonlyArray<string>
}

const text = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const names = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** What tells whether a file or folder was touched; "-" where there is none. */
export const stamp = (path: string): string => {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? "-" : `${found.ino}.${found.mtimeNs}.${found.size}`
  } catch {
    return "-"
  }
}

/** `key = value` lines of a pyvenv.cfg (PEP 405); empty where the folder is no virtual environment. */
const venvSettings = (prefix: string): ReadonlyMap<string, string> =>
  new Map(
    text(join(prefix, "pyvenv.cfg"))
      .split("\n")
      .flatMap((line) => {
        const found = /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(line)
        return found === null ? [] : [[(found[1] ?? "").toLowerCase(), found[2] ?? ""] as const]
      })
  )

/** `3.11` of a version, an interpreter's name or a lib folder's. */
const minor = (from: string): string | undefined => /(\d+\.\d+)/.exec(from)?.[1]

/** Debian's and others' folders beside the usual one (`site.getsitepackages` and Debian's patch of it). */
const systemFolders = (prefix: string, version: string | undefined): ReadonlyArray<string> => {
  const versions =
    version === undefined
      ? names(join(prefix, "lib")).flatMap((name) => minor(/^python3\.\d+$/.exec(name)?.[0] ?? "") ?? [])
      : [version]
  return versions.flatMap((one) => [
    join(prefix, "local", "lib", `python${one}`, "dist-packages"),
    join(prefix, "lib", `python${one}`, "site-packages"),
    join(prefix, "lib64", `python${one}`, "site-packages"),
    join(prefix, "lib", "python3", "dist-packages")
  ])
}

/** The folders that a `.pth` file adds (`site.addpackage`): a path a line; lines of code are left alone. */
const added = (folder: string): ReadonlyArray<string> =>
  names(folder)
    .filter((name) => name.endsWith(".pth"))
    .sort()
    .flatMap((name) => text(join(folder, name)).split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(#|import\s)/.test(line))
    .map((line) => (isAbsolute(line) ? line : join(folder, line)))

const realpath = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Where the interpreter `python` looks for packages when it is started with `env`. */
export const placesOf = (python: string, env: Readonly<Record<string, string>>): PythonPlaces => {
  // The path as given: the link of a virtual environment is what makes it one.
  const prefix = dirname(dirname(python))
  const venv = venvSettings(prefix)
  const binary = realpath(python)
  const version = venv.get("version_info") ?? venv.get("version") ?? minor(basename(binary))
  const pythonVersion = /^\d+\.\d+(\.\d+)?/.exec(version ?? "")?.[0]
  const short = pythonVersion === undefined ? undefined : minor(pythonVersion)
  const home = venv.get("home")
  const base =
    venv.size === 0 ? dirname(dirname(binary)) : home === undefined ? prefix : dirname(realpath(home))
  const sees = venv.size === 0 || venv.get("include-system-site-packages")?.toLowerCase() === "true"
  const userBase =
    env["PYTHONUSERBASE"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".local"))
  const user = sees && userBase !== undefined && (env["PYTHONNOUSERSITE"] ?? "") === "" && short !== undefined
  const candidates = [
    ...(env["PYTHONPATH"] ?? "").split(":").filter((path) => path !== ""),
    ...(venv.size === 0 ? [] : systemFolders(prefix, short)),
    ...(user ? [join(userBase, "lib", `python${short}`, "site-packages")] : []),
    ...(sees ? systemFolders(base, short) : [])
  ]
  const folders = [...new Set(candidates)].filter(isFolder)
  const all = new Set(folders.flatMap((folder) => [folder, ...added(folder).filter(isFolder)]))
  return { pythonVersion, folders: [...all] }
}

/** The version of an installed distribution (`apache_airflow_core`), from its `.dist-info` folder's METADATA. */
export const versionOf = (folders: ReadonlyArray<string>, distribution: string): string | undefined => {
  const wanted = distribution.toLowerCase()
  for (const folder of folders) {
    for (const name of names(folder)) {
      // NAME-VERSION.dist-info, the name with - _ . all as _ (PEP 427); older tools leave them as they were.
      const found = /^(.+)-[^-]+\.dist-info$/
        .exec(name)?.[1]
        ?.toLowerCase()
        .replaceAll(/[-_.]+/g, "_")
      if (found !== wanted) continue
      // Without METADATA it is what an interrupted pip left behind.
      const version = /^Version:\s*(\S+)/m.exec(text(join(folder, name, "METADATA")))?.[1]
      if (version !== undefined) return version
    }
  }
  return undefined
}
