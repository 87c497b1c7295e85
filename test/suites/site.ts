/** The contract between our worker and its site, without Python: one suite, two centrals. A whole worker, a real socket. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ManagementClient } from "../../src/management/ManagementClient.ts"
import type { JobKey } from "../../src/protocol/Job.ts"
import type { Worker } from "../../src/protocol/ManagementApi.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { logText } from "../airflow/logText.ts"
import { scratchFolder } from "../runner/runnerLayer.ts"
import { fetchGate, type Start, startSiteWorker } from "./siteWorker.ts"

/** A site whose central is tested with our worker. */
export interface SiteUnderTest {
  /** Its Edge API, as `[edge] api_url` names it, and the secret that workers sign with. */
  readonly apiUrl: URL
  readonly secret: string
  /** A client with a credential that may do everything. */
  readonly management: Layer.Layer<ManagementClient, unknown>
  /** One call as the worker of that name, beside whatever runs under it. */
  readonly asWorker: <A, E>(
    name: string,
    effect: Effect.Effect<A, E, EdgeClient>
  ) => Effect.Effect<A, unknown>
  /** Gives the site a job of this Dag, for this queue; it is queued there when this ends. */
  readonly submit: Effect.Effect<JobKey, unknown, Scope.Scope>
  readonly dag: string
  readonly queue: string
  /** What `submit` gives along; Airflow's jobs have none. */
  readonly conf: Schema.Json
  readonly log: (key: JobKey) => Effect.Effect<string, unknown>
}

let count = 0

const waiting = (name: string, folder: string) =>
  ["sh", "-c", `echo waits; while [ ! -e '${join(folder, name)}' ]; do sleep 0.05; done`] as const

/** Looks until it fits. The test's own time ends a wait in vain, with what was seen last. */
const seen = <A, E, R>(look: Effect.Effect<A, E, R>, fits: (found: A) => boolean) =>
  Effect.repeat(Effect.delay(look, 20), { until: fits })

/** Runs the contract on one kind of central. Each test has workers of its own. */
export const suite = (title: string, make: () => SiteUnderTest) => {
  const test = (
    title: string,
    body: (on: {
      readonly site: SiteUnderTest
      readonly name: string
      readonly folder: string
      readonly client: ManagementClient["Service"]
      readonly start: (options?: Partial<Start>) => ReturnType<typeof startSiteWorker>
      /** What the site says of the worker. */
      readonly row: Effect.Effect<Worker | undefined, unknown>
      /** The same, once the worker is in one of these states. */
      readonly reaches: (
        ...states: ReadonlyArray<string>
      ) => Effect.Effect<{ readonly maintenance_comments: string | null }, unknown>
      /** Waits until the job is in one of these states on the site; gives who had it. */
      readonly jobIs: (
        key: JobKey,
        ...states: ReadonlyArray<string>
      ) => Effect.Effect<string | null | undefined, unknown>
    }) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    it.live(
      title,
      () =>
        Effect.suspend(() => {
          const site = make()
          const name = `site ${process.pid} ö${count++}`
          return Effect.gen(function* () {
            const client = yield* ManagementClient
            const folder = yield* scratchFolder
            const start = (options: Partial<Start> = {}) =>
              startSiteWorker({
                apiUrl: site.apiUrl,
                secret: site.secret,
                name,
                folder: join(folder, options.name ?? name),
                queues: [site.queue],
                commands: {},
                ...options
              })
            const row = Effect.map(client.workers({ worker_name_pattern: name }), (all) =>
              all.find(({ worker_name }) => worker_name === name)
            )
            const reaches = (...states: ReadonlyArray<string>) =>
              Effect.flatMap(
                seen(row, (found) => states.includes(found?.state ?? "")),
                (found) =>
                  found === undefined
                    ? Effect.die("no such worker")
                    : Effect.succeed({ maintenance_comments: found.maintenance_comments ?? null })
              )
            const jobIs = (key: JobKey, ...states: ReadonlyArray<string>) =>
              Effect.map(
                seen(
                  Effect.map(client.jobs({ dag_id_pattern: key.dag_id, run_id_pattern: key.run_id }), (all) =>
                    all.find(({ task_id }) => task_id === key.task_id)
                  ),
                  (job) => states.includes(job?.state ?? "")
                ),
                (job) => job?.edge_worker
              )
            yield* body({ site, name, folder, client, start, row, reaches, jobIs })
          }).pipe(Effect.scoped, Effect.provide([site.management, Logger.layer([])]))
        }),
      60_000
    )

  describe(title, () => {
    test("a worker registers, and the site hears from it again and again", ({ row, site, start }) =>
      Effect.gen(function* () {
        yield* start({ concurrency: 3 })
        const first = yield* seen(row, (found) => found?.state === "idle")
        assert.deepStrictEqual(first?.queues, [site.queue])
        assert.deepInclude(first?.sysinfo, { concurrency: 3, free_concurrency: 3 })
        assert.strictEqual(first?.jobs_active, 0)
        yield* seen(
          row,
          (found) => Date.parse(found?.last_heartbeat ?? "") > Date.parse(first?.last_heartbeat ?? "")
        )
      }))

    test("maintenance from the site: entered, commented, left", ({ client, name, reaches, start }) =>
      Effect.gen(function* () {
        const worker = yield* start()
        yield* reaches("idle")
        yield* client.requestMaintenance(name, "new disk ü")
        const { maintenance_comments } = yield* reaches("maintenance mode")
        assert.match(maintenance_comments ?? "", / put node into maintenance mode\nComment: new disk ü$/)
        const status = yield* worker.status
        assert.isTrue(status.maintenance)
        assert.strictEqual(status.maintenance_comments, maintenance_comments)
        yield* client.updateMaintenance(name, "two of them")
        yield* seen(worker.status, (now) =>
          (now.maintenance_comments ?? "").endsWith("updated comment:\ntwo of them")
        )
        yield* client.exitMaintenance(name)
        assert.isNull((yield* reaches("idle")).maintenance_comments)
        yield* seen(worker.status, (now) => !now.maintenance && now.maintenance_comments === null)
      }))

    test("a job that runs may end in a maintenance, and no other begins before its end", (on) =>
      Effect.gen(function* () {
        const { client, folder, jobIs, name, reaches, row, site, start } = on
        yield* start({ commands: { [`${site.dag}.*`]: waiting("go", folder) } })
        const key = yield* site.submit
        assert.strictEqual(yield* jobIs(key, "running"), name)
        yield* client.requestMaintenance(name, "soon")
        yield* reaches("maintenance pending")
        writeFileSync(join(folder, "go"), "")
        yield* jobIs(key, "success")
        yield* reaches("maintenance mode")
        const next = yield* site.submit
        // Two heartbeats later it would long have been asked for.
        const asked = Effect.map(row, (found) => found?.last_heartbeat)
        for (let beats = 0; beats < 2; beats++) {
          const before = yield* asked
          yield* seen(asked, (now) => now !== before)
        }
        yield* jobIs(next, "queued")
        yield* client.exitMaintenance(name)
        yield* jobIs(next, "success")
      }))

    test("shutdown from the site: the worker ends, and says goodbye", ({ client, name, reaches, start }) =>
      Effect.gen(function* () {
        const worker = yield* start()
        yield* reaches("idle")
        yield* client.shutdown(name)
        const end = yield* worker.ended
        assert.include(end.reason, "shutdown")
        assert.deepInclude(end, { tasks: "finished", reportsLeft: 0, logBytesLeft: 0 })
        yield* reaches("offline")
        yield* client.removeWorker(name)
      }))

    test("queues and concurrency from the site are obeyed", ({ client, name, reaches, site, start }) =>
      Effect.gen(function* () {
        const worker = yield* start({ queues: ["elsewhere"], concurrency: 2 })
        yield* reaches("idle")
        yield* client.setConcurrency(name, 5)
        yield* seen(worker.status, (now) => now.concurrency === 5 && now.free_concurrency === 5)
        yield* client.addQueue(name, site.queue)
        yield* seen(worker.status, (now) => now.queues?.length === 2 && now.queues.includes(site.queue))
        yield* client.removeQueue(name, "elsewhere")
        yield* seen(worker.status, (now) => now.queues?.length === 1 && now.queues[0] === site.queue)
      }))

    test("a worker gets the jobs of a queue when it is given that queue", (on) =>
      Effect.gen(function* () {
        const { client, jobIs, name, reaches, site, start } = on
        yield* start({ queues: ["elsewhere"], commands: { [`${site.dag}.*`]: ["true"] } })
        yield* reaches("idle")
        const key = yield* site.submit
        yield* client.addQueue(name, site.queue)
        assert.strictEqual(yield* jobIs(key, "success"), name)
      }))

    test("a name that is in use is refused; whoever has it goes on", ({ name, folder, reaches, start }) =>
      Effect.gen(function* () {
        const worker = yield* start()
        yield* reaches("idle")
        const second = yield* start({ folder: join(folder, "second") })
        const refused = yield* Effect.flip(second.registered)
        assert.strictEqual(refused.why, "name")
        assert.include(refused.message, name)
        assert.include(refused.message, "already active")
        assert.strictEqual((yield* worker.status).state, "idle")
        yield* reaches("idle")
      }))

    test("a worker that the site has forgotten registers again, and its job runs on", (on) =>
      Effect.gen(function* () {
        const { client, folder, jobIs, name, reaches, row, site, start } = on
        const worker = yield* start({ commands: { [`${site.dag}.*`]: waiting("go", folder) } })
        const key = yield* site.submit
        yield* jobIs(key, "running")
        const first = (yield* row)?.first_online
        const sysinfo = { airflow_version: "3.3.2", edge_provider_version: "5.1.0", concurrency: 1 }
        const offline = Effect.flatMap(EdgeClient, (edge) =>
          edge.setState({ state: "offline", jobs_active: 0, queues: [site.queue], sysinfo })
        )
        // Only one that is gone can be removed; its own heartbeat may come between.
        yield* Effect.andThen(site.asWorker(name, offline), client.removeWorker(name)).pipe(
          Effect.retry({ times: 100 })
        )
        yield* reaches("running")
        const again = (yield* row)?.first_online
        assert.notStrictEqual(again, first)
        assert.strictEqual((yield* worker.status).job_count, 1)
        writeFileSync(join(folder, "go"), "")
        assert.strictEqual(yield* jobIs(key, "success"), name)
      }))

    test("a job succeeds: it has its conf, and its log is on the site byte for byte", (on) =>
      Effect.gen(function* () {
        const { folder, jobIs, name, site, start } = on
        const script = `cat "$EDGE_WORKER_CONF"; echo; printf 'ü日本🛰 \\000 \\377 end'; echo no >&2`
        yield* start({ commands: { [`${site.dag}.*`]: ["sh", "-c", script] } })
        const key = yield* site.submit
        assert.strictEqual(yield* jobIs(key, "success"), name)
        const logs = join(folder, name, "logs")
        const [file = "", ...others] = readdirSync(logs, { recursive: true, encoding: "utf8" }).filter(
          (path) => path.endsWith(".log")
        )
        assert.deepStrictEqual(others, [])
        const wanted = logText(readFileSync(join(logs, file)))
        const events = wanted.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).event]))
        assert.includeMembers(events, [JSON.stringify(site.conf), "no"])
        assert.include(wanted, "ü日本🛰")
        assert.strictEqual(yield* seen(site.log(key), (text) => text.length >= wanted.length), wanted)
      }))

    test("a job fails: with its exit code in its log on the site", ({ jobIs, name, site, start }) =>
      Effect.gen(function* () {
        yield* start({ commands: { [`${site.dag}.*`]: ["sh", "-c", "echo before; exit 4"] } })
        const key = yield* site.submit
        assert.strictEqual(yield* jobIs(key, "failed"), name)
        const text = yield* seen(site.log(key), (now) => now.includes("exited with code 4"))
        assert.include(text, '"before"')
      }))

    test("a claim that comes when the worker may start nothing goes back, and another worker has it", (on) =>
      Effect.gen(function* () {
        const { jobIs, name, site, start } = on
        const commands = { [`${site.dag}.*`]: ["true"] } as const
        const key = yield* site.submit
        const gate = yield* fetchGate
        const worker = yield* start({ commands, gate })
        yield* gate.answered
        assert.strictEqual(yield* jobIs(key, "restarting", "running"), name)
        yield* worker.drain("the test wants it")
        yield* gate.open
        yield* jobIs(key, "queued")
        yield* worker.ended
        const other = `${name} other`
        yield* start({ name: other, commands })
        assert.strictEqual(yield* jobIs(key, "success"), other)
      }))
  })
}
