/** SiteFiles: the files in which an operator gives the embedded central's tasks their variables and connections. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import { PrivateFileUnusable, read } from "./PrivateFile.ts"

type Text = Effect.Effect<string | undefined, PrivateFileUnusable>

/** Their texts, read anew each time; `undefined` where no file is configured. A file that others can read is refused. */
export class SiteFiles extends Context.Service<
  SiteFiles,
  { readonly variables: Text; readonly connections: Text }
>()("edge-worker/platform/SiteFiles") {
  static readonly layer = Layer.effect(
    SiteFiles,
    Effect.map(CentralConfig, ({ connectionsFile, variablesFile }) => ({
      variables: textOf(variablesFile),
      connections: textOf(connectionsFile)
    }))
  )

  /** The same without files, for tests. */
  static readonly layerMemory = (texts: { readonly variables?: string; readonly connections?: string }) =>
    Layer.succeed(SiteFiles, {
      variables: Effect.succeed(texts.variables),
      connections: Effect.succeed(texts.connections)
    })
}

const textOf = (path: string | undefined): Text =>
  path === undefined
    ? Effect.succeed(undefined)
    : Effect.flatMap(read(path), (text) =>
        text === undefined
          ? Effect.fail(new PrivateFileUnusable({ path, reason: "does not exist" }))
          : Effect.succeed(text)
      )
