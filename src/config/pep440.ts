/** pep440: Python's version numbers, compared as Airflow compares those of workers. */

const pattern =
  /^\s*v?(?:\d+!)?(?<release>\d+(?:\.\d+)*)(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*$/i

/** The first three parts of its release; `undefined` where it is no version. */
export const releaseOf = (version: string): readonly [number, number, number] | undefined => {
  // The pattern's parts overlap: what is longer than any version is not tried.
  const release = version.length > 128 ? undefined : pattern.exec(version)?.groups?.["release"]
  if (release === undefined) return undefined
  const [major = 0, minor = 0, micro = 0] = release.split(".").map(Number)
  return [major, minor, micro]
}

/**
 * Whether a version is older than another. Only the first three parts count, so that a release candidate is as new as
 * its release (edge3 5.1.0, `_version` in `worker_api/routes/worker.py`). What is no version is older than all.
 */
export const isOlder = (version: string, than: string): boolean => {
  const [a, b] = [releaseOf(version), releaseOf(than)]
  if (a === undefined || b === undefined) return true
  const at = a.findIndex((part, index) => part !== b[index])
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0)
}
