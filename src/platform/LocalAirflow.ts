/** LocalAirflow: which Python runs this worker's Airflow tasks, and which versions of Airflow and edge3 it has. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { Processes } from "./Processes.ts"
import { pythonCandidates } from "./pythonCandidates.ts"
import { placesOf, stamp, versionOf } from "./SitePackages.ts"

/** No Python with an Airflow was found. */
export class NoLocalAirflow extends Schema.TaggedError<NoLocalAirflow>()("NoLocalAirflow", {
  /** Every place that was looked at, and what was wrong there. */
  places: Schema.Array(Schema.String)
}) {
  override get message() {
    return (
      `no Python with Apache Airflow was found. Looked at: ${this.places.join("; ")}. Install apache-airflow and ` +
      "apache-airflow-providers-edge3 there, or name the right Python with --python or [edge_worker] python"
    )
  }
}

/** The Airflow of this machine. */
export interface InstalledAirflow {
  /** The interpreter's path, as it must be started: a link of a virtual environment is not followed. */
  readonly python: string
  readonly airflow: string
  /** Absent where the edge3 provider is not installed. */
  readonly edge3: string | undefined
  /** `3.12.4`, or `3.12` where no file says more. */
  readonly pythonVersion: string
  /** Another one whenever something has changed that a Python reads at its start: packages, airflow.cfg, itself. */
  readonly fingerprint: string
}

/** Knows the local Airflow from its files; Python is started only where they do not tell. */
export class LocalAirflow extends Context.Service<
  LocalAirflow,
  {
    /** Looks again whenever the installed packages have changed. In the middle of an upgrade: the one before it. */
    readonly current: Effect.Effect<InstalledAirflow, NoLocalAirflow>
  }
>()("edge-worker/platform/LocalAirflow") {
  /** `python`: the interpreter that `--python` names; it goes before `[edge_worker] python`. */
  static readonly layer = (
    options: { readonly python?: string | undefined } = {}
  ): Layer.Layer<LocalAirflow, never, EdgeConfig | Processes> =>
    Layer.effect(
      LocalAirflow,
      Effect.gen(function* () {
        const config = yield* EdgeConfig
        const { environment } = yield* Processes
        const named = options.python ?? config.python
        const configFile = environment["AIRFLOW_CONFIG"] ?? join(config.airflowHome, "airflow.cfg")
        const lock = yield* Semaphore.make(1)
        let known: Known | undefined

        const look = Effect.gen(function* () {
          if (known !== undefined && stampAll(known.watched) === known.stamps)
            return installed(known, configFile)
          const found = yield* search(
            named,
            environment,
            named === options.python ? "--python" : undefined
          ).pipe(
            Effect.catchTag("NoLocalAirflow", (error) =>
              known === undefined
                ? Effect.fail(error)
                : Effect.as(Effect.logDebug(`${error.message} (an upgrade in progress?)`), known)
            )
          )
          if (known !== undefined && found.airflow !== known.airflow) {
            yield* Effect.logInfo(`the local Airflow is now ${found.airflow}, it was ${known.airflow}`)
          }
          known = found
          return installed(found, configFile)
        })
        return LocalAirflow.of({ current: Semaphore.withPermit(lock, look) })
      })
    )

  /** A made-up Airflow for tests. */
  static readonly layerMemory = (airflow: InstalledAirflow): Layer.Layer<LocalAirflow> =>
    Layer.succeed(LocalAirflow, { current: Effect.succeed(airflow) })
}

interface Known extends Omit<InstalledAirflow, "fingerprint"> {
  /** The paths whose change may mean other versions. */
  readonly watched: ReadonlyArray<string>
  readonly stamps: string
}

const stampAll = (paths: ReadonlyArray<string>): string => paths.map(stamp).join(" ")

const installed = (known: Known, configFile: string): InstalledAirflow => {
  const { airflow, edge3, python, pythonVersion } = known
  const fingerprint = [python, airflow, edge3 ?? "-", stampAll([...known.watched, configFile])].join(" ")
  return { python, airflow, edge3, pythonVersion, fingerprint }
}

/** The first place with an Airflow. */
const search = Effect.fnUntraced(function* (
  named: string | undefined,
  env: Readonly<Record<string, string>>,
  flag: string | undefined
) {
  const places: Array<string> = []
  for (const { exists, from, python } of yield* Effect.promise(() => pythonCandidates(named, env))) {
    const place = named !== undefined && flag !== undefined ? `${flag} ${named}` : from
    if (!exists) {
      places.push(python === "" ? place : `${place}: there is no ${python}`)
      continue
    }
    const { folders, pythonVersion } = placesOf(python, env)
    // Taken before the versions: a change in between is then seen at the next look.
    const watched = [python, join(python, "..", "..", "pyvenv.cfg"), ...folders]
    const stamps = stampAll(watched)
    const airflow = versionOf(folders, "apache_airflow_core") ?? versionOf(folders, "apache_airflow")
    const edge3 = versionOf(folders, "apache_airflow_providers_edge3")
    if (airflow !== undefined && pythonVersion !== undefined) {
      return { python, airflow, edge3, pythonVersion, watched, stamps }
    }
    const told = yield* ask(python, env)
    if (told?.airflow) {
      return {
        python,
        airflow: told.airflow,
        edge3: told.edge3 ?? undefined,
        pythonVersion: told.python,
        watched,
        stamps
      }
    }
    places.push(
      `${place}: ${told === undefined ? `${python} did not answer` : `no apache-airflow in ${python}`}`
    )
  }
  return yield* new NoLocalAirflow({ places })
})

const Answer = Schema.Struct({
  python: Schema.String,
  airflow: Schema.NullOr(Schema.String),
  edge3: Schema.NullOr(Schema.String)
})
const decodeAnswer = Schema.decodeUnknownOption(Schema.fromJsonString(Answer))

const question = `import importlib.metadata as m, json, platform
def v(*names):
    for name in names:
        try: return m.version(name)
        except m.PackageNotFoundError: pass
print("\\n" + json.dumps({"python": platform.python_version(), "airflow": v("apache-airflow-core", "apache-airflow"),
    "edge3": v("apache-airflow-providers-edge3")}))`

/** Asks the interpreter itself; `undefined` where it does not answer within 30 s. */
const ask = (python: string, env: Readonly<Record<string, string>>) =>
  Effect.callback<typeof Answer.Type | undefined>((resume) => {
    const child = execFile(python, ["-c", question], { env, timeout: 30_000 }, (error, stdout) => {
      const answer = error === null ? decodeAnswer(stdout.trimEnd().split("\n").at(-1) ?? "") : undefined
      resume(Effect.succeed(answer?._tag === "Some" ? answer.value : undefined))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })
