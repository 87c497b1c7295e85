/** OomKills: how often the kernel killed for want of memory where a process runs, to tell such a kill from others. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The count of each place where a process's memory is counted: its control groups, or the machine. */
export type OomCounts = Readonly<Record<string, number>>

/** Counts the kernel's out-of-memory kills. */
export class OomKills extends Context.Service<
  OomKills,
  {
    /** Now, where this process runs and where that of the pid does. Empty where the system does not tell. */
    readonly count: (pid?: number) => Effect.Effect<OomCounts>
    /** The first of the places whose count has risen since. */
    readonly risen: (since: OomCounts) => Effect.Effect<string | undefined>
  }
>()("edge-worker/platform/OomKills") {
  /** `root`: where `/proc` and `/sys` lie, for tests. */
  static readonly layer = (root = "/") =>
    Layer.sync(OomKills, () => {
      const own = placesOf(root, "self")
      return OomKills.of({
        count: (pid) =>
          Effect.sync(() => {
            const places = pid === undefined ? own : new Set([...own, ...placesOf(root, String(pid))])
            return Object.fromEntries(
              [...places].flatMap((place) => {
                const count = countAt(root, place)
                return count === undefined ? [] : [[place, count] as const]
              })
            )
          }),
        risen: (since) =>
          Effect.sync(() =>
            Object.keys(since).find((place) => (countAt(root, place) ?? 0) > (since[place] ?? 0))
          )
      })
    })
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const countAt = (root: string, file: string): number | undefined => {
  const found = /^oom_kill (\d+)$/m.exec(read(join(root, file)))?.[1]
  return found === undefined ? undefined : Number(found)
}

/**
 * The files that count kills for a process: those of its memory control groups (v2, whose count holds that of the
 * groups below it; v1), else the machine's. A group is mounted as such, or is the mount's root as in a container.
 */
const placesOf = (root: string, pid: string): ReadonlySet<string> => {
  const groups = read(join(root, "proc", pid, "cgroup"))
  const v2 = /^0::(.*)$/m.exec(groups)?.[1]
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1]
  const files = [
    ...(v2 === undefined ? [] : [`/sys/fs/cgroup${v2}/memory.events`, "/sys/fs/cgroup/memory.events"]),
    ...(v1 === undefined
      ? []
      : [`/sys/fs/cgroup/memory${v1}/memory.oom_control`, "/sys/fs/cgroup/memory/memory.oom_control"])
  ].map((file) => join("/", file))
  const found = files.find((file) => countAt(root, file) !== undefined)
  return new Set([found ?? "/proc/vmstat"])
}
