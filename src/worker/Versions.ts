/** Versions: which Airflow and edge3 this worker says it runs on. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { EdgeClient } from "./EdgeClient.ts"

/** What goes into the sysinfo. */
export interface ReportedVersions {
  readonly airflow: string
  readonly edge3: string
  /** As Python's `sys.version` begins; absent where there is no local Python. */
  readonly python: string | undefined
}

/** The newest Edge API that this binary was built for and proved against. */
export const known: ReportedVersions = { airflow: "3.3.2", edge3: "5.1.0", python: undefined }

const coreRunsOn = /Edge Provider \S+ and the core runs on (\d+\.\d+\.\d+\S*?)\.(?:\s|$)/

const major = (version: string) => Number.parseInt(version, 10)

/** What is installed on this machine; `undefined` for what is not. */
export type InstalledVersions = { readonly [K in keyof ReportedVersions]: ReportedVersions[K] | undefined }

const nothing: InstalledVersions = { airflow: undefined, edge3: undefined, python: undefined }

/** The versions to report, and what can be learnt about them from a site that refuses. */
export class Versions extends Context.Service<
  Versions,
  {
    readonly current: Effect.Effect<ReportedVersions>
    /** Learns from the text of a 400. True if `current` differs now, so that another attempt makes sense. */
    readonly learn: (refusal: string) => Effect.Effect<boolean>
  }
>()("edge-worker/worker/Versions") {
  /**
   * What is installed is reported as it is, never adapted to what a site would like to hear. For what is not
   * installed the site's own versions are used. Its Airflow's is at `/api/v2/version`; its edge3's stands nowhere but
   * in the text of a refusal ("… and the core runs on 5.1.0", edge3 5.1.0 `worker_api/routes/worker.py`). A site of
   * another major edge3 version speaks a protocol that we do not know: its refusal stands.
   */
  static readonly layer = (installed: Effect.Effect<InstalledVersions> = Effect.succeed(nothing)) =>
    Layer.effect(
      Versions,
      Effect.gen(function* () {
        const client = yield* EdgeClient
        const edge3 = yield* Ref.make(known.edge3)
        const airflow = yield* Ref.make(Option.none<string>())
        const ask = client.siteVersion.pipe(Effect.tap((answer) => Ref.set(airflow, answer)))
        const siteAirflow = Effect.gen(function* () {
          const seen = yield* Ref.get(airflow)
          return Option.getOrElse(Option.isSome(seen) ? seen : yield* ask, () => known.airflow)
        })
        const current = Effect.gen(function* () {
          const here = yield* installed
          return {
            airflow: here.airflow ?? (yield* siteAirflow),
            edge3: here.edge3 ?? (yield* Ref.get(edge3)),
            python: here.python
          }
        })
        const learn = Effect.fnUntraced(function* (refusal: string) {
          const before = yield* current
          const told = coreRunsOn.exec(refusal)?.[1]
          if (told !== undefined && major(told) === major(known.edge3)) yield* Ref.set(edge3, told)
          if (told === undefined) yield* Ref.set(airflow, Option.none())
          const after = yield* current
          return before.airflow !== after.airflow || before.edge3 !== after.edge3
        })
        return Versions.of({ current, learn })
      })
    )
}
