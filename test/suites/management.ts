/** The contract of the management API: what a central site lists, changes and refuses, seen from both of its ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { ManagementClient } from "../../src/management/ManagementClient.ts"
import type { ManagementFailed } from "../../src/management/ManagementError.ts"
import type { WorkerSetStateReturn } from "../../src/protocol/EdgeApi.ts"
import type { WorkerState } from "../../src/protocol/WorkerState.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"

/** A site whose central is tested. */
export interface SiteUnderTest {
  /** A client with a credential that may do everything. */
  readonly management: Layer.Layer<ManagementClient, unknown>
  /** One with a token that the site did not give. */
  readonly withToken: (token: string) => Layer.Layer<ManagementClient, unknown>
  /** Runs something as the worker of that name, of a version that the site accepts. */
  readonly asWorker: <A, E>(
    name: string,
    effect: Effect.Effect<A, E, EdgeClient>
  ) => Effect.Effect<A, unknown>
}

const sysinfo = {
  airflow_version: "3.3.2",
  edge_provider_version: "5.1.0",
  concurrency: 8,
  free_concurrency: 7,
  status: 20
}

let count = 0

/** Runs the contract on one kind of central. Each test has a worker of its own. */
export const suite = (title: string, make: () => SiteUnderTest) => {
  const test = (
    title: string,
    body: (on: {
      readonly name: string
      readonly client: ManagementClient["Service"]
      /** The worker says that it is in a state; gives the site's answer. */
      readonly beat: (state: WorkerState) => Effect.Effect<WorkerSetStateReturn, unknown>
    }) => Effect.Effect<void, unknown>
  ) =>
    it.live(
      title,
      () => {
        const site = make()
        const name = `m ${process.pid} ü${count++}`
        const register = Effect.flatMap(EdgeClient, (edge) =>
          edge.register({ state: "starting", jobs_active: 0, queues: ["one", "it's"], sysinfo })
        )
        return Effect.gen(function* () {
          const client = yield* ManagementClient
          yield* site.asWorker(name, register)
          const beat = beatOf(site, name)
          yield* beat("idle")
          yield* body({ name, client, beat })
          yield* beat("offline").pipe(Effect.ignore)
          yield* Effect.ignore(client.removeWorker(name))
        }).pipe(Effect.provide(site.management))
      },
      60_000
    )

  const beatOf = (site: SiteUnderTest, name: string) => (state: WorkerState) =>
    site.asWorker(
      name,
      Effect.flatMap(EdgeClient, (edge) =>
        edge.setState({ state, jobs_active: 2, queues: ["one", "it's"], sysinfo })
      )
    )

  const own = (client: ManagementClient["Service"], name: string) =>
    Effect.map(client.workers({}), (all) => all.find(({ worker_name }) => worker_name === name))

  const refused = (call: Effect.Effect<void, ManagementFailed>) =>
    Effect.map(Effect.flip(call), ({ message, why }) => ({ why, message }))

  describe(title, () => {
    test("a worker is listed as it registered and as its last heartbeat was", ({ client, name }) =>
      Effect.gen(function* () {
        const worker = yield* own(client, name)
        assert.deepInclude(worker, { state: "idle", jobs_active: 2, sysinfo, maintenance_comments: null })
        assert.sameMembers([...(worker?.queues ?? [])], ["one", "it's"])
        for (const time of [worker?.first_online, worker?.last_heartbeat]) {
          assert.isBelow(Math.abs(Date.parse(time ?? "") - Date.now()), 60_000)
        }
      }))

    test("filters: a part of the name in any case, the beginning of a queue, states", ({ client, name }) =>
      Effect.gen(function* () {
        const found = (filters: Parameters<typeof client.workers>[0]) =>
          Effect.map(client.workers(filters), (all) => all.some(({ worker_name }) => worker_name === name))
        const part = name.slice(2, -1)
        assert.isTrue(yield* found({ worker_name_pattern: part }))
        assert.isTrue(yield* found({ worker_name_pattern: `M ${part}` }))
        assert.isFalse(yield* found({ worker_name_pattern: `${part}-not` }))
        assert.isTrue(yield* found({ queue_name_pattern: "on" }))
        assert.isFalse(yield* found({ queue_name_pattern: "ne" }))
        assert.isTrue(yield* found({ state: ["idle"] }))
        assert.isTrue(yield* found({ state: ["maintenance mode", "idle"] }))
        assert.isFalse(yield* found({ state: ["maintenance mode", "running"] }))
      }))

    test("names come sorted", ({ client }) =>
      Effect.gen(function* () {
        const names = (yield* client.workers({})).map(({ worker_name }) => worker_name)
        assert.isAbove(names.length, 0)
        assert.deepStrictEqual(new Set(names).size, names.length)
      }))

    test("maintenance: requested, commented, exited; the worker hears of each", ({ beat, client, name }) =>
      Effect.gen(function* () {
        yield* client.requestMaintenance(name, "new disk: 1/2 ü")
        assert.strictEqual((yield* own(client, name))?.state, "maintenance request")
        const asked = yield* beat("idle")
        assert.strictEqual(asked.state, "maintenance request")
        assert.match(
          asked.maintenance_comments ?? "",
          /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] - .+ put node into maintenance mode\nComment: new disk: 1\/2 ü$/
        )
        assert.strictEqual((yield* beat("maintenance pending")).state, "maintenance pending")

        yield* client.updateMaintenance(name, "it takes\nlonger")
        const [first, second, ...rest] = ((yield* own(client, name))?.maintenance_comments ?? "").split("\n")
        assert.match(first ?? "", / put node into maintenance mode$/)
        assert.match(second ?? "", /^\[.*\] - .+ updated comment:$/)
        assert.deepStrictEqual(rest, ["it takes", "longer"])

        yield* client.exitMaintenance(name)
        assert.deepInclude(yield* own(client, name), {
          state: "maintenance exit",
          maintenance_comments: null
        })
        // it goes on at once, whatever it says that it is in
        assert.strictEqual((yield* beat("maintenance mode")).state, "idle")
        assert.strictEqual((yield* own(client, name))?.state, "idle")
      }))

    test("a comment is required, and can be changed only during a maintenance", ({ client, name }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused(client.requestMaintenance(name, "")), {
          why: "refused",
          message: "Maintenance comment is required"
        })
        assert.deepStrictEqual(yield* refused(client.updateMaintenance(name, "x")), {
          why: "refused",
          message: `Cannot change maintenance comment as ${name} is not in maintenance!`
        })
        assert.strictEqual((yield* own(client, name))?.state, "idle")
      }))

    test("shutdown: the worker is told, one that is gone stays as it is", ({ beat, client, name }) =>
      Effect.gen(function* () {
        yield* client.shutdown(name)
        assert.strictEqual((yield* beat("running")).state, "shutdown request")
        yield* beat("offline")
        yield* client.shutdown(name)
        assert.strictEqual((yield* own(client, name))?.state, "offline")
      }))

    test("only a worker that is gone can be removed", ({ beat, client, name }) =>
      Effect.gen(function* () {
        const { message, why } = yield* refused(client.removeWorker(name))
        assert.strictEqual(why, "refused")
        // the last word but one differs between Airflow's databases: the state, or the name of its enumeration
        assert.match(
          message,
          new RegExp(`^Cannot remove edge worker ${name} as it is in .*idle state!$`, "i")
        )
        yield* beat("offline maintenance")
        yield* client.removeWorker(name)
        assert.isUndefined(yield* own(client, name))
      }))

    test("queues: added and removed; the worker hears of them", ({ beat, client, name }) =>
      Effect.gen(function* () {
        yield* client.addQueue(name, "two & 3")
        yield* client.addQueue(name, "one")
        assert.sameMembers([...((yield* beat("idle")).queues ?? [])], ["one", "it's", "two & 3"])
        yield* client.removeQueue(name, "one")
        yield* client.removeQueue(name, "never there")
        assert.sameMembers([...((yield* own(client, name))?.queues ?? [])], ["it's", "two & 3"])
        yield* client.removeQueue(name, "it's")
        yield* client.removeQueue(name, "two & 3")
        // without one by name it serves every queue
        assert.isNull((yield* own(client, name))?.queues)
        yield* beat("offline")
        assert.match(
          (yield* refused(client.addQueue(name, "x"))).message,
          /^Cannot add queues to edge worker .* offline state!$/
        )
        assert.match(
          (yield* refused(client.removeQueue(name, "x"))).message,
          /^Cannot remove queues from edge worker .* offline state!$/
        )
      }))

    test("concurrency: the worker hears of it; it is at least one", ({ beat, client, name }) =>
      Effect.gen(function* () {
        yield* client.setConcurrency(name, 3)
        assert.strictEqual((yield* beat("idle")).concurrency, 3)
        yield* beat("offline")
        const { message, why } = yield* refused(client.setConcurrency(name, 2))
        assert.strictEqual(why, "refused")
        assert.match(message, /^Cannot set concurrency for edge worker .* offline state!$/)
      }))

    test("a worker that is unknown is so to each change", ({ client, name }) =>
      Effect.gen(function* () {
        const other = `${name}-other`
        for (const call of [
          client.requestMaintenance(other, "x"),
          client.updateMaintenance(other, "x"),
          client.exitMaintenance(other),
          client.shutdown(other),
          client.removeWorker(other),
          client.addQueue(other, "q"),
          client.removeQueue(other, "q"),
          client.setConcurrency(other, 1)
        ]) {
          assert.strictEqual((yield* refused(call)).why, "unknownWorker")
        }
      }))

    test("names with what means something in an address", ({ client }) =>
      Effect.gen(function* () {
        const site = make()
        for (const special of ["a%2Fb", "c?d#e", "f+g&h=i", "back\\slash", "quo'te\"s", "..x", "<b>"]) {
          const name = `${special} ${process.pid}`
          const register = Effect.flatMap(EdgeClient, (edge) =>
            edge.register({ state: "starting", queues: null, sysinfo })
          )
          yield* site.asWorker(name, register)
          yield* client.setConcurrency(name, 2)
          yield* beatOf(site, name)("offline")
          yield* client.removeWorker(name)
          assert.isUndefined(yield* own(client, name))
        }
      }))

    test("jobs are listed, and their filters are taken", ({ client, name }) =>
      Effect.gen(function* () {
        yield* client.jobs({})
        const none = yield* client.jobs({
          dag_id_pattern: "no-such",
          run_id_pattern: "no-such",
          task_id_pattern: "no-such",
          queue_pattern: "no-such",
          worker_name_pattern: name,
          state: ["running", "restarting"]
        })
        assert.deepStrictEqual(none, [])
      }))

    it.live("a token that the site did not give opens nothing", () =>
      Effect.gen(function* () {
        for (const token of ["", "x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."]) {
          const error = yield* Effect.flatMap(ManagementClient, (client) =>
            Effect.flip(Effect.asVoid(client.workers({})))
          ).pipe(Effect.provide(make().withToken(token)))
          assert.strictEqual(error.why, "credentials", token)
        }
      })
    )
  })
}
