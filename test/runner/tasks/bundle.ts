/** bundle: makes one file of a task program's source, as its author does: it starts many times as fast. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rolldown } from "rolldown"
import { afterAll } from "vitest"

/** Bundles a file beside this one for the tests of a file, and gives where it lies. */
export const bundled = async (source: string): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "edge-tasks-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, source.replace(/\.ts$/, ".cjs"))
  const build = await rolldown({
    input: join(import.meta.dirname, source),
    platform: "node",
    transform: { define: { "import.meta": "{}" } },
    onwarn: () => {}
  })
  await build.write({ file, format: "cjs", codeSplitting: false })
  await build.close()
  return file
}
