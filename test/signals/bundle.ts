/** bundle: makes one file of a worker's source, as what is shipped is: it starts five times as fast. */
import { join } from "node:path"
import { rolldown } from "rolldown"

/** Bundles `processWorker.ts` into a folder and gives the file. */
export const bundleWorker = async (folder: string): Promise<string> => {
  const file = join(folder, "processWorker.cjs")
  const build = await rolldown({
    input: join(import.meta.dirname, "processWorker.ts"),
    platform: "node",
    transform: { define: { "import.meta": "{}" } },
    external: [/OpenTelemetry\.ts$/],
    onwarn: () => {}
  })
  await build.write({ file, format: "cjs", codeSplitting: false })
  await build.close()
  return file
}
