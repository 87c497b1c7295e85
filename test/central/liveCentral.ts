/** liveCentral: our own central on a real socket for all tests of a file, and who speaks to it: a worker's client, a person's. */
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import type { CentralSettings } from "../../src/config/CentralConfig.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import type { Credential } from "../../src/management/ManagementConfig.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { port, secret, served } from "./served.ts"

/** That of `Credentials.layerMemory`. */
export const adminToken = "the-admin-token-of-a-test-000000"

export const tokenOf = (token: string): Credential => ({ _tag: "Token", token: Redacted.make(token) })

/** Serves while the tests of the file run; `url()` and `asWorker` are for them alone. */
export const liveCentral = (changes: Partial<CentralSettings> = {}) => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(served(changes), Logger.layer([])))
  let at = 0
  beforeAll(async () => {
    at = await runtime.runPromise(port)
  })
  afterAll(() => runtime.dispose())
  const url = () => `http://127.0.0.1:${at}/`
  const asWorker = <A, E>(
    name: string,
    effect: Effect.Effect<A, E, EdgeClient>
  ): Effect.Effect<A, unknown> => {
    const config = testSettings({
      apiUrl: new URL("edge_worker/v1/rpcapi", url()),
      jwtSecret: Redacted.make(secret)
    })
    const client = EdgeClient.layer.pipe(
      Layer.provide([
        TokenSigner.layer,
        HttpTransport.layerOptions({ tls: false, env: {} }),
        Layer.succeed(WorkerIdentity, { name, queues: ["none"], team: null, concurrency: 1 })
      ]),
      Layer.provide(Layer.succeed(EdgeConfig, config))
    )
    return Effect.provide(effect, client)
  }
  return { url, asWorker, runtime, secret }
}
