/** centralParts: an embedded central as one layer: its configuration, its store, its services, and its port. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlError } from "effect/sql/SqlError"
import { Accounts } from "../central/Accounts.ts"
import * as CentralServer from "../central/CentralServer.ts"
import { Jobs } from "../central/Jobs.ts"
import * as MetricsPush from "../central/MetricsPush.ts"
import { Repository, type RepositoryUnavailable } from "../central/Repository.ts"
import { SqlRepository } from "../central/SqlRepository.ts"
import { Sweeper } from "../central/Sweeper.ts"
import { Workers } from "../central/Workers.ts"
import { AirflowConfig } from "../config/AirflowConfig.ts"
import { CentralConfig } from "../config/CentralConfig.ts"
import { allCentralSettings } from "../config/centralSettings.ts"
import type { CentralCommandLine } from "../config/readCentralSettings.ts"
import * as CentralHttp from "../platform/CentralHttp.ts"
import { Credentials } from "../platform/Credentials.ts"
import { Database, type DatabaseUnknown } from "../platform/Database.ts"
import * as PrivateFolder from "../platform/PrivateFolder.ts"
import { SecretFile } from "../platform/SecretFile.ts"
import { SiteFiles } from "../platform/SiteFiles.ts"
import { TaskTokens } from "../platform/TaskTokens.ts"
import { TokenVerifier } from "../platform/TokenVerifier.ts"
import { failed } from "./CommandFailed.ts"

/** Why the store cannot be opened, as one sentence: starting again may help, where the database comes back. */
const unusable = (error: SqlError | RepositoryUnavailable | DatabaseUnknown, file: string | undefined) => {
  if (error._tag === "DatabaseUnknown") return error
  if (error._tag === "RepositoryUnavailable") return failed("unexpected", error.message)
  const { cause, message } = error.reason
  const why = cause instanceof Error && cause.message !== "" ? cause.message : message
  if (file === undefined)
    return failed(
      "unexpected",
      `the central's database cannot be used: ${why}. Is it up, and is [edge_central] database_url right?`
    )
  // One that is only locked, or has no room, must not be moved away.
  const next = /not a database|malformed/.test(why)
    ? ". Put a copy of it there, or move it away: the next start makes a new one"
    : ""
  return failed("unexpected", `the central's database ${file} cannot be used: ${why}${next}`)
}

/** What the settings name, once they are known to be good. */
const machine = Layer.unwrap(
  Effect.gen(function* () {
    const { databaseUrl, jwtAlgorithms, jwtIssuers, jwtLeeway, jwtSecret, stateFolder } = yield* CentralConfig
    yield* PrivateFolder.ensure(stateFolder, "[edge_central] state_folder")
    const file = `${stateFolder}/central.sqlite`
    return Layer.mergeAll(
      SqlRepository.layer.pipe(
        Layer.provide(Database.layer({ url: databaseUrl, file })),
        Layer.catch((error) =>
          Layer.effect(Repository, Effect.fail(unusable(error, databaseUrl === undefined ? file : undefined)))
        )
      ),
      // Airflow's own: [scheduler] task_queued_timeout, [execution_api] jwt_expiration_time
      TaskTokens.layer({
        secret: jwtSecret,
        life: Duration.seconds(600),
        issuer: jwtIssuers[0],
        leeway: jwtLeeway,
        algorithm: jwtAlgorithms[0]
      }),
      Credentials.layer,
      SiteFiles.layer
    )
  })
)

/** The settings, from wherever `ConfigSources` looks. */
export const centralConfig = (commandLine: CentralCommandLine) =>
  CentralConfig.layer(commandLine).pipe(
    Layer.provide([AirflowConfig.layer(allCentralSettings), SecretFile.layer])
  )

/** The same with settings that are read already. */
export const centralOf = Layer.merge(CentralServer.layer, MetricsPush.layer).pipe(
  Layer.provideMerge([Workers.layer, Sweeper.layer, Accounts.layer, TokenVerifier.layer, CentralHttp.layer]),
  Layer.provideMerge(Jobs.layer),
  Layer.provideMerge(machine),
  Layer.provide(SecretFile.layer)
)

/** Serves from the moment that it is built until its scope ends; what it is made of stands beside it. */
export const central = (commandLine: CentralCommandLine) =>
  Layer.provideMerge(centralOf, centralConfig(commandLine))
