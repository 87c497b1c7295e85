/** Our worker's client at our central, on a real socket: each answer is sorted as one of Airflow's. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Jobs } from "../../src/central/Jobs.ts"
import { Workers } from "../../src/central/Workers.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { WorkerIdentity } from "../../src/config/WorkerIdentity.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { port, secret, served, sysinfo } from "./served.ts"

/** A client of its own for each worker: `Layer.fresh`, as the test has one central. */
const client = (name: string, key = secret) =>
  Layer.unwrap(
    Effect.map(port, (at) =>
      Layer.fresh(EdgeClient.layer).pipe(
        Layer.provide(Layer.fresh(TokenSigner.layer)),
        Layer.provide([
          HttpTransport.layerOptions({ tls: false, env: {} }),
          Layer.succeed(
            EdgeConfig,
            testSettings({
              apiUrl: new URL(`http://127.0.0.1:${at}/edge_worker/v1/rpcapi`),
              jwtSecret: Redacted.make(key)
            })
          ),
          Layer.succeed(WorkerIdentity, { name, queues: null, team: null, concurrency: 1 })
        ])
      )
    )
  )

const body = { state: "starting", jobs_active: 0, queues: null, sysinfo } as const
const free = { queues: null, free_concurrency: 4, supports_task_instance_uuid: true }

layer(served(), { excludeTestServices: true })("EdgeClient at the embedded central", (it) => {
  it.effect("a worker with a name that needs encoding does all of its work", () =>
    Effect.gen(function* () {
      const site = yield* EdgeClient
      const jobs = yield* Jobs
      assert.deepInclude(yield* site.register(body), { versions_match: true })
      assert.deepStrictEqual(yield* site.siteVersion, Option.some("3.3.2"))
      assert.isTrue(Option.isNone(yield* site.fetch(free)))
      const { key } = yield* jobs.submit({ dag_id: "d.ö", task_id: "t", conf: { n: [1.5, "x"] } }, "ada")
      const given = yield* site.fetch(free)
      assert.isTrue(Option.isSome(given))
      if (Option.isNone(given)) return
      const id = given.value.task_instance_id ?? null
      assert.deepInclude(given.value, { ...key, conf: { n: [1.5, "x"] } })
      yield* site.reportJob(key, id, "running")
      const chunk = {
        log_chunk_time: "2026-01-01T00:00:00.000001Z",
        log_chunk_data: "a\u0000😀\n",
        task_instance_id: id
      }
      yield* site.pushLog(key, chunk)
      yield* site.pushLog(key, chunk)
      assert.strictEqual((yield* jobs.readLog(key, 0)).text, "a\u0000😀\n")
      const taken = yield* Effect.flip(site.pushLog(key, { ...chunk, log_chunk_data: "" }))
      assert.strictEqual(taken.status, 500)
      yield* site.reportJob(key, id, "success")
      assert.strictEqual((yield* jobs.get(key)).state, "success")
      yield* (yield* Workers).requestMaintenance("höst #1?", "disk", "ada")
      const told = yield* site.setState({ ...body, state: "idle" })
      assert.strictEqual(told.state, "maintenance request")
      assert.match(told.maintenance_comments ?? "", /ada put node into maintenance mode\nComment: disk$/)
    }).pipe(Effect.provide(client("höst #1?")))
  )

  it.effect("refusals are what they are from Airflow", () =>
    Effect.gen(function* () {
      const site = yield* EdgeClient
      assert.strictEqual((yield* Effect.flip(site.setState(body)))._tag, "WorkerNotFound")
      assert.strictEqual((yield* Effect.flip(site.fetch(free)))._tag, "WorkerNotFound")
      yield* site.register(body)
      assert.strictEqual((yield* Effect.flip(site.register(body)))._tag, "WorkerConflict")
      const old = { ...body, sysinfo: { ...sysinfo, edge_provider_version: "4.0.0" } }
      assert.strictEqual((yield* Effect.flip(site.setState(old)))._tag, "VersionRejected")
    }).pipe(Effect.provide(client("w2")))
  )

  it.effect("a wrong secret is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* EdgeClient).setState(body))
      assert.deepInclude(error, { _tag: "SiteUnavailable", status: 403 })
    }).pipe(Effect.provide(client("w3", "another secret of 32 bytes or more")))
  )
})
