/** The same work under our supervision and under Airflow's own: what reaches the Execution API is the same but for what is listed. */
import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { expect, inject, test } from "vitest"
import type { Exchange } from "../../../scripts/airflow/gateway.ts"
import { site, trigger } from "../site.ts"
import { ours, startWorker } from "../worker.ts"
import { setUpNative, startNative } from "./setUp.ts"

/** A file that Airflow's ExecutableCoordinator takes for a bundle: what is run, its manifest, and a trailer with its digest. */
const writeBundle = (file: string) => {
  const python = join(inject("siteFolder"), "venv", "bin", "python")
  const run = Buffer.from(
    `#!/bin/sh\nexec '${python}' '${resolve(import.meta.dirname, "bundle.py")}' "$@"\nexit\n`
  )
  const manifest = Buffer.from(
    JSON.stringify({
      airflow_bundle_metadata_version: "1.0",
      sdk: { language: "python", version: "0", supervisor_schema_version: "2026-06-16" },
      dags: { native_twice: { tasks: ["theirs"] } }
    })
  )
  const trailer = Buffer.alloc(64)
  trailer.writeUInt32LE(0, 0)
  trailer.writeUInt32LE(manifest.length, 4)
  trailer.writeUInt32LE(1, 8)
  createHash("sha256").update(run).digest().copy(trailer, 12)
  trailer.write("AFBNDL01", 56)
  writeFileSync(file, Buffer.concat([run, manifest, trailer]))
  chmodSync(file, 0o755)
}

/**
 * Each difference that there may be, with its reason. Heartbeats are left out: they come by the clock, not by the task.
 */
const differences: ReadonlyArray<readonly [RegExp, string]> = [
  // The site takes a field that is null and one that is missing alike; Airflow's client sends the null.
  [/,"rendered_map_index":null/, ""],
  // By nature of who asks, and when.
  [/"(start_date|end_date|hostname|unixname)":"[^"]*"/g, "$1"],
  [/"pid":\d+/, "pid"],
  [/task-instances\/[0-9a-f-]{36}/, "task-instances/ID"],
  [/manual__[^/ ]+/, "RUN"]
]

/** The requests in a line each; bodies as they were on the way, digit by digit. */
const told = (exchanges: ReadonlyArray<Exchange>, task: string) =>
  exchanges
    .filter(({ path }) => !path.endsWith("/heartbeat"))
    .map(({ method, path, request, status }) =>
      differences.reduce(
        (line, [found, instead]) => line.replace(found, instead),
        `${method} ${decodeURIComponent(path).replaceAll(`/${task}/`, "/TASK/")} ${request} ${status}`
      )
    )

test.runIf(ours)(
  "our attempt and Airflow's supervisor ask and tell the same, but for what is listed",
  async () => {
    await setUpNative()
    const bundles = join(inject("siteFolder"), "native", "bundles")
    mkdirSync(bundles, { recursive: true })
    writeBundle(join(bundles, "twice"))
    const native = await startNative()
    // Another worker than `theirs`' for the Python task, so that the gateway of that one sees its requests alone.
    await startWorker({ queues: ["default"] })
    const python = await startWorker({
      queues: ["bundle"],
      settings: {
        AIRFLOW__SDK__COORDINATORS: JSON.stringify({
          bundle: {
            classpath: "airflow.sdk.coordinators.executable.ExecutableCoordinator",
            kwargs: { executables_root: [bundles] }
          }
        }),
        AIRFLOW__SDK__QUEUE_TO_COORDINATOR: JSON.stringify({ bundle: "bundle" })
      }
    })
    const run = await trigger("native_twice")
    expect(await site.api.dagRunEnded(run)).toBe("success")

    const mine = told(native.gateway.execution, "ours")
    const theirs = told(python.gateway.execution, "theirs")
    expect(theirs.some((line) => line.startsWith("PATCH task-instances/ID/run"))).toBe(true)
    expect(mine).toEqual(theirs)
  }
)
