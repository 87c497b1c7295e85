/** siteWorker: a whole worker of ours in this process, with commands for tasks, against a site on a real socket. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type { CommandLine } from "../../src/config/commandTable.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { JobFolder } from "../../src/platform/JobFolder.ts"
import { NodePlatform } from "../../src/platform/NodePlatform.ts"
import { OomKills } from "../../src/platform/OomKills.ts"
import { Processes } from "../../src/platform/Processes.ts"
import { Programs } from "../../src/platform/Programs.ts"
import { CommandRunner } from "../../src/runner/CommandRunner.ts"
import { testSettings } from "../../src/testing/settings.ts"
import { EdgeWorker } from "../../src/worker/EdgeWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { startLayer } from "../runner/runnerLayer.ts"

/** Keeps the answer to a worker's first ask for a job until it is opened. */
export const fetchGate = Effect.gen(function* () {
  const answered = yield* Deferred.make<void>()
  const opened = yield* Deferred.make<void>()
  return {
    /** The site has answered. */
    answered: Deferred.await(answered),
    open: Effect.asVoid(Deferred.succeed(opened, undefined)),
    hold: Effect.andThen(Deferred.succeed(answered, undefined), Deferred.await(opened))
  }
})

/** What a worker of a test is. */
export interface Start {
  readonly apiUrl: URL
  readonly secret: string
  readonly name: string
  /** Its state and its logs. */
  readonly folder: string
  readonly queues: ReadonlyArray<string>
  /** Default 8. */
  readonly concurrency?: number
  readonly commands: Readonly<Record<string, CommandLine>>
  readonly gate?: Effect.Success<typeof fetchGate>
}

const gated = (gate: Effect.Success<typeof fetchGate>) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.transform((answer, request) =>
        request.url.includes("/jobs/fetch/") ? Effect.tap(answer, gate.hold) : answer
      )
    )
  )

/** Starts it; with the test it is gone, and what it runs. */
export const startSiteWorker = Effect.fnUntraced(function* (options: Start) {
  const logs = join(options.folder, "logs")
  mkdirSync(logs, { recursive: true })
  const settings = testSettings({
    apiUrl: options.apiUrl,
    jwtSecret: Redacted.make(options.secret),
    heartbeatInterval: Duration.millis(200),
    jobPollInterval: Duration.millis(100),
    stateFolder: join(options.folder, "state"),
    airflowHome: options.folder,
    baseLogFolder: logs,
    commands: new Map(Object.entries(options.commands))
  })
  const platform =
    options.gate === undefined
      ? NodePlatform.layer
      : Layer.provideMerge(gated(options.gate), NodePlatform.layer)
  const { context } = yield* startLayer(
    EdgeWorker.layer({
      name: options.name,
      queues: options.queues,
      concurrency: options.concurrency ?? 8,
      platform,
      runner: CommandRunner.layer.pipe(
        Layer.provide(Programs.layer),
        Layer.provide([JobFolder.layer, OomKills.layer(), Processes.layer])
      )
    }).pipe(Layer.provide([Layer.succeed(EdgeConfig, settings), Logger.layer([])]), Layer.fresh)
  )
  const worker = Context.get(context, Worker)
  yield* Effect.addFinalizer(() =>
    worker
      .kill("the test is over")
      .pipe(Effect.andThen(worker.ended), Effect.timeoutOption("20 seconds"), Effect.ignore)
  )
  return worker
})
