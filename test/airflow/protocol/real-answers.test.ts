/** What a real Airflow answers to a worker, and how the client sorts it. */
import { randomUUID } from "node:crypto"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { WorkerStateBody } from "../../../src/protocol/EdgeApi.ts"
import { EdgeClient } from "../../../src/worker/EdgeClient.ts"
import { asWorker, liveSite } from "./liveSite.ts"

const body = (
  state: WorkerStateBody["state"],
  sysinfo: Record<string, string> = { airflow_version: "3.3.2", edge_provider_version: "5.1.0" }
): WorkerStateBody => ({ state, jobs_active: 0, queues: ["none"], sysinfo })

const unique = (name: string) => `${name} ${randomUUID().slice(0, 8)}`
const queues = { queues: ["none"], free_concurrency: 1, supports_task_instance_uuid: true }
const unknownJob = { dag_id: "no such dag", task_id: "t", run_id: "r+:1", try_number: 1, map_index: -1 }

/** Registers, runs `effect`, and says goodbye. */
const registered = <A, E>(name: string, effect: Effect.Effect<A, E, EdgeClient>) =>
  asWorker(
    name,
    Effect.gen(function* () {
      const client = yield* EdgeClient
      yield* client.register(body("starting"))
      return yield* effect.pipe(Effect.ensuring(Effect.orDie(client.setState(body("offline")))))
    })
  )

it.live("register, heartbeat, fetch and goodbye", () =>
  Effect.gen(function* () {
    const seen = yield* registered(
      unique("plain"),
      Effect.gen(function* () {
        const client = yield* EdgeClient
        const beat = yield* client.setState(body("idle"))
        return [beat.state, beat.versions_match, yield* client.fetch(queues)] as const
      })
    )
    expect(seen).toEqual(["idle", true, Option.none()])
  })
)

it.live.each([
  "sp ace",
  "trail ",
  "üñ中😀",
  "50%",
  "a%20b",
  "what?",
  "no#1",
  "back\\slash",
  "a+b",
  "a;b",
  "~a",
  "quo'te\"s",
  "a%2Fb",
  "a:b@c&d=e,f",
  "<x>|^`{}[]",
  "..x"
])("a worker named %j is let in", (name) =>
  Effect.gen(function* () {
    const beat = yield* registered(
      unique(name),
      Effect.flatMap(EdgeClient, (client) => client.setState(body("idle")))
    )
    expect(beat.state).toBe("idle")
  })
)

it.live("a second worker of an active name is a conflict", () =>
  Effect.gen(function* () {
    const error = yield* registered(
      unique("twice"),
      Effect.flatMap(EdgeClient, (client) => Effect.flip(client.register(body("starting"))))
    )
    expect(error).toMatchObject({ _tag: "WorkerConflict", detail: expect.stringContaining("already active") })
  })
)

it.live("a version that the site does not know is rejected in its own words", () =>
  Effect.gen(function* () {
    const old = { airflow_version: "2.0.0", edge_provider_version: "0.0.1" }
    const error = yield* asWorker(
      unique("old"),
      Effect.flatMap(EdgeClient, (client) => Effect.flip(client.register(body("starting", old))))
    )
    expect(error).toMatchObject({
      _tag: "VersionRejected",
      detail: expect.stringContaining("Rejecting access")
    })
  })
)

it.live("a worker that the site does not know", () =>
  asWorker(
    unique("unknown"),
    Effect.gen(function* () {
      const client = yield* EdgeClient
      expect((yield* Effect.flip(client.setState(body("idle"))))._tag).toBe("WorkerNotFound")
      expect((yield* Effect.flip(client.fetch(queues)))._tag).toBe("WorkerNotFound")
    })
  )
)

it.live("a wrong secret is an outage with its likely cause", () =>
  Effect.gen(function* () {
    const error = yield* asWorker(
      unique("stranger"),
      Effect.flatMap(EdgeClient, (client) => Effect.flip(client.register(body("starting")))),
      { secret: "short" }
    )
    expect(error).toMatchObject({
      _tag: "SiteUnavailable",
      status: 403,
      fromSite: true,
      ambiguous: false,
      reason: expect.stringMatching(/jwt_secret differs.*error_id=/)
    })
  })
)

it.live("a wrong folder is an outage that names api_enabled and api_url", () =>
  Effect.gen(function* () {
    const error = yield* asWorker(
      unique("lost"),
      Effect.flatMap(EdgeClient, (client) => Effect.flip(client.register(body("starting")))),
      { path: "/edge_worker/v0/rpcapi" }
    )
    expect(error).toMatchObject({
      _tag: "SiteUnavailable",
      ambiguous: false,
      reason: expect.stringContaining("set [edge] api_enabled on the site, or correct [edge] api_url here")
    })
  })
)

it.live("the state and the log of a job that the site does not know", () =>
  asWorker(
    unique("eager"),
    Effect.gen(function* () {
      const client = yield* EdgeClient
      yield* client.reportJob(unknownJob, null, "running")
      yield* client.reportJob(unknownJob, randomUUID(), "success")
      const error = yield* Effect.flip(
        client.pushLog(unknownJob, { log_chunk_time: new Date().toISOString(), log_chunk_data: "x\n" })
      )
      expect(error).toMatchObject({ _tag: "SiteUnavailable", status: 500, ambiguous: true })
    })
  )
)

it.live("the site's version and health", () =>
  Effect.gen(function* () {
    const version = yield* asWorker(
      "anyone",
      Effect.flatMap(EdgeClient, (client) => client.siteVersion)
    )
    expect(Option.getOrNull(version)).toMatch(/^3\./)
    const health = yield* Effect.promise(() => fetch(`${liveSite().url}/edge_worker/v1/health`))
    expect(yield* Effect.promise(() => health.json())).toEqual({ status: "healthy" })
  })
)
