/** NodePlatform: everything that a worker needs of a machine with Node, and the configuration read there. */
import * as Layer from "effect/Layer"
import { AirflowConfig } from "../config/AirflowConfig.ts"
import { EdgeConfig } from "../config/EdgeConfig.ts"
import { allSettings } from "../config/settings.ts"
import { ConfigSources } from "./ConfigSources.ts"
import * as FileCalls from "./FileCalls.ts"
import { FileTail } from "./FileTail.ts"
import { FreeDisk } from "./FreeDisk.ts"
import * as HttpTransport from "./HttpTransport.ts"
import { JournalStore } from "./JournalStore.ts"
import { KeptLogs } from "./KeptLogs.ts"
import { LogAppender } from "./LogAppender.ts"
import { LogFiles } from "./LogFiles.ts"
import { LogFolder } from "./LogFolder.ts"
import { StateFolder } from "./StateFolder.ts"
import { TokenSigner } from "./TokenSigner.ts"

/** What comes before the configured values. */
type ConfigOptions = NonNullable<Parameters<typeof EdgeConfig.layer>[0]>

/** The layers of a worker on Node. */
export const NodePlatform = {
  /** Transport, tokens, log files and the locked state folder. */
  layer: Layer.mergeAll(
    HttpTransport.layer,
    TokenSigner.layer,
    Layer.provide(Layer.mergeAll(LogFolder.layer, LogAppender.layer, FileTail.layer), FileCalls.layer),
    LogFiles.layer,
    FreeDisk.layer,
    Layer.provideMerge(Layer.merge(JournalStore.layer, KeptLogs.layer), StateFolder.layer)
  ),
  /** The settings as Airflow itself reads them: airflow.cfg and `AIRFLOW__SECTION__KEY`. */
  config: (options: ConfigOptions = {}) =>
    EdgeConfig.layer(options).pipe(
      Layer.provide(AirflowConfig.layer(allSettings, { python: options.python })),
      Layer.provide(ConfigSources.layer)
    )
}
