/** makeFolders: what is missing is made, and a file system that takes no folder is heard. */
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { makeFolders, makeFoldersLater } from "../../src/platform/makeFolders.ts"

let base = ""
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "edge-worker-test-"))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

describe.each([
  ["at once", async (path: string) => makeFolders(path, 0o700)],
  ["on threads", async (path: string) => makeFoldersLater(path, 0o700)]
])("folders that are made %s", (_, make) => {
  it("are made with all that is missing above them, for this user alone", async () => {
    await make(join(base, "a", "b", "c"))
    await make(join(base, "a", "b", "c"))
    for (const path of ["a", "a/b", "a/b/c"]) expect(statSync(join(base, path)).mode & 0o777).toBe(0o700)
  })

  it("may be there by a link", async () => {
    mkdirSync(join(base, "real"))
    symlinkSync(join(base, "real"), join(base, "link"))
    await make(join(base, "link"))
    await make(join(base, "link", "a"))
    expect(statSync(join(base, "real", "a")).isDirectory()).toBe(true)
  })

  it("are refused where something else is", async () => {
    writeFileSync(join(base, "file"), "")
    symlinkSync(join(base, "nowhere"), join(base, "dangling"))
    await expect(make(join(base, "file"))).rejects.toThrow("EEXIST")
    await expect(make(join(base, "file", "a"))).rejects.toThrow("ENOTDIR")
    await expect(make(join(base, "dangling", "a"))).rejects.toThrow("EEXIST")
  })

  it("are refused by a file system that takes none, and not asked for again for ever", async () => {
    await expect(make("/proc/edge-worker/a/b")).rejects.toThrow(
      "ENOENT: no such file or directory, mkdir '/proc/edge-worker'"
    )
  })
})
