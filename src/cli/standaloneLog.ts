/** standaloneLog: everything that a standalone site logs goes to a file in its folder; what is wrong, also to the terminal. */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import { failed } from "./CommandFailed.ts"
import { type LogSink, toFile, toStream } from "./LogSink.ts"
import * as WorkerLog from "./WorkerLog.ts"

/** The file's name. */
export const logName = "standalone.log"

/** `shown`: the least level that the terminal gets. Gives the file too, which SIGHUP opens anew. */
export const standaloneLog = (folder: string, shown: LogLevel.LogLevel) =>
  Effect.try({
    try: () => {
      const file: LogSink = toFile(join(folder, logName))
      const screen = toStream(process.stderr)
      const terminal = process.stderr.isTTY === true
      const forPeople = WorkerLog.format({ terminal, colour: WorkerLog.mayColour(process.stderr) })
      const toScreen = Logger.make<unknown, void>((options) => {
        if (LogLevel.isGreaterThanOrEqualTo(options.logLevel, shown)) screen.write(forPeople.log(options))
      })
      const toDisk = Logger.map(WorkerLog.format({ terminal: false, colour: false }), file.write)
      const least = LogLevel.isGreaterThanOrEqualTo(shown, "Info") ? "Info" : shown
      const layer = Layer.merge(
        Logger.layer([toDisk, toScreen]),
        Layer.succeed(References.MinimumLogLevel, least)
      )
      return { file, layer }
    },
    catch: (error) => failed("config", `${join(folder, logName)} cannot be opened: ${String(error)}`)
  })
