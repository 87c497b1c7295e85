/** stateLocation: where the local commands look for workers; they need nothing else of the configuration. */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AirflowConfig } from "../config/AirflowConfig.ts"
import type { ConfigInvalid } from "../config/ConfigInvalid.ts"
import type { LookupFailed } from "../config/Lookup.ts"
import { ConfigSources } from "../platform/ConfigSources.ts"
import type { StateLocation } from "../platform/StatePaths.ts"

/** `$AIRFLOW_HOME` and `[edge_worker] state_folder`; a mistake elsewhere in the configuration does not matter here. */
export const stateLocation: Effect.Effect<StateLocation, ConfigInvalid | LookupFailed> = Effect.gen(
  function* () {
    const config = yield* AirflowConfig
    const { found } = yield* config.lookup("edge_worker", "state_folder")
    // as the worker itself reads it (config/readEdgeSettings): the variable, else [core] airflow_home
    const home = yield* config.lookup("core", "airflow_home")
    const given = config.env["AIRFLOW_HOME"] === undefined ? home.found?.value : undefined
    return {
      airflowHome: resolve(given ?? config.home),
      stateFolder: found === undefined || found.value === "" ? undefined : resolve(found.value)
    }
  }
).pipe(Effect.provide(AirflowConfig.layer([]).pipe(Layer.provide(ConfigSources.layer))))
