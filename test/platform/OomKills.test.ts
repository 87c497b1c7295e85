/** OomKills: where each kind of system counts its out-of-memory kills, on made-up /proc and /sys. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { OomKills } from "../../src/platform/OomKills.ts"

const test = (
  name: string,
  files: Readonly<Record<string, string>>,
  body: (kills: OomKills["Service"], write: (path: string, text: string) => void) => Effect.Effect<void>
) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const root = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-oom-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const write = (path: string, text: string) => {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      for (const [path, text] of Object.entries(files)) write(path, text)
      const layer = OomKills.layer(root)
      return yield* Effect.provide(
        Effect.flatMap(OomKills, (kills) => body(kills, write)),
        layer
      )
    })
  )
const events = (count: number) => `low 0\nhigh 0\nmax 7\noom 9\noom_kill ${count}\noom_group_kill 5\n`
const vmstat = (count: number) => `nr_free_pages 1\noom_kill ${count}\n`

describe("OomKills", () => {
  const own = "/sys/fs/cgroup/system.slice/edge.service/memory.events"
  const job = "/sys/fs/cgroup/user.slice/memory.events"
  test(
    "cgroup v2: the group of this process and that of the job's",
    {
      "/proc/self/cgroup": "0::/system.slice/edge.service\n",
      "/proc/7/cgroup": "0::/user.slice\n",
      "/proc/vmstat": vmstat(3),
      [own]: events(2),
      [job]: events(0)
    },
    (kills, write) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* kills.count(), { [own]: 2 })
        const before = yield* kills.count(7)
        assert.deepStrictEqual(before, { [own]: 2, [job]: 0 })
        write("/proc/vmstat", vmstat(4))
        assert.isUndefined(yield* kills.risen(before))
        write(job, events(1))
        assert.strictEqual(yield* kills.risen(before), job)
        write(own, events(3))
        assert.strictEqual(yield* kills.risen(before), own)
      })
  )

  test(
    "a container: its group is the mount's root, whatever its name outside",
    { "/proc/self/cgroup": "0::/kubepods/pod1/c1\n", "/sys/fs/cgroup/memory.events": events(1) },
    (kills) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* kills.count(), { "/sys/fs/cgroup/memory.events": 1 })
      })
  )

  const v1 = "/sys/fs/cgroup/memory/a/memory.oom_control"
  test(
    "cgroup v1, beside a v2 without memory",
    {
      "/proc/self/cgroup": "4:cpu,cpuacct:/x\n3:memory:/a\n0::/\n",
      [v1]: "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n"
    },
    (kills) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* kills.count(), { [v1]: 6 })
      })
  )

  test(
    "without a group that counts: the machine",
    { "/proc/self/cgroup": "0::/\n", "/proc/vmstat": vmstat(3) },
    (kills, write) =>
      Effect.gen(function* () {
        const before = yield* kills.count()
        assert.deepStrictEqual(before, { "/proc/vmstat": 3 })
        assert.isUndefined(yield* kills.risen(before))
        write("/proc/vmstat", vmstat(4))
        assert.strictEqual(yield* kills.risen(before), "/proc/vmstat")
      })
  )

  test("a system that does not tell: nothing, and nothing rises", {}, (kills, write) =>
    Effect.gen(function* () {
      const before = yield* kills.count(1)
      assert.deepStrictEqual(before, {})
      write("/proc/vmstat", vmstat(4))
      assert.isUndefined(yield* kills.risen(before))
    })
  )

  it.live("reads the real system", () =>
    Effect.gen(function* () {
      const counts = yield* (yield* OomKills).count(process.ppid)
      assert.isNotEmpty(counts)
      assert.isUndefined(yield* (yield* OomKills).risen(counts))
    }).pipe(Effect.provide(OomKills.layer()))
  )
})
