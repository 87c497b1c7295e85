/** bundle: makes one file of a worker's source, as what is shipped is: it starts five times as fast. */
import { basename, join } from "node:path"
import { rolldown } from "rolldown"

/** Bundles `processWorker.ts`, or another program, into a folder and gives the file. */
export const bundleWorker = async (
  folder: string,
  input = join(import.meta.dirname, "processWorker.ts")
): Promise<string> => {
  const file = join(folder, basename(input).replace(/ts$/, "cjs"))
  const build = await rolldown({
    input,
    platform: "node",
    transform: { define: { "import.meta": "{}" } },
    external: [/OpenTelemetry\.ts$/],
    onwarn: () => {}
  })
  await build.write({ file, format: "cjs", codeSplitting: false })
  await build.close()
  return file
}
