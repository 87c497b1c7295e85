/** liveSite: the running Airflow that these tests talk to, and a client of its Edge API. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inject } from "vitest"
import { find } from "../../../scripts/airflow/site.ts"
import { EdgeConfig } from "../../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../../src/config/WorkerIdentity.ts"
import * as HttpTransport from "../../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../../src/platform/TokenSigner.ts"
import { testSettings } from "../../../src/testing/settings.ts"
import { EdgeClient } from "../../../src/worker/EdgeClient.ts"

/** The site of EDGE_WORKER_TEST_SITE (with its secret in EDGE_WORKER_TEST_SECRET), else that of the suite. */
export const liveSite = (): { readonly url: string; readonly secret: string } => {
  const url = process.env["EDGE_WORKER_TEST_SITE"]
  if (url !== undefined) return { url, secret: process.env["EDGE_WORKER_TEST_SECRET"] ?? "" }
  const folder = inject("siteFolder")
  const site = folder === undefined ? undefined : find(folder)
  if (site === undefined) throw new Error("no site runs: start one, or set EDGE_WORKER_TEST_SITE and _SECRET")
  return { url: site.url, secret: site.settings.jwtSecret }
}

/** Runs `effect` as the worker `name`; `secret` replaces the site's. */
export const asWorker = <A, E>(
  name: string,
  effect: Effect.Effect<A, E, EdgeClient>,
  changes: { readonly secret?: string; readonly path?: string } = {}
): Effect.Effect<A, unknown> => {
  const { url, secret } = liveSite()
  const config = Layer.succeed(
    EdgeConfig,
    testSettings({
      apiUrl: new URL(changes.path ?? "/edge_worker/v1/rpcapi", url),
      jwtSecret: Redacted.make(changes.secret ?? secret)
    })
  )
  const identity = Layer.succeed(WorkerIdentity, { name, queues: ["none"], team: null, concurrency: 1 })
  const client = EdgeClient.layer.pipe(
    Layer.provide([TokenSigner.layer, HttpTransport.layer, identity]),
    Layer.provide(config)
  )
  return Effect.provide(effect, client)
}
