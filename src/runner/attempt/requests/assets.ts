/** assets: assets and their events. */
import * as Effect from "effect/Effect"
import type { ExecutionClient } from "../ExecutionClient.ts"
import type { ExecutionError } from "../ExecutionError.ts"
import { answered, array, given, type Replies, refusedAs, responseMode, result } from "./reply.ts"

const assetKeys = ["name", "uri"]

const orNotFound = (
  ask: Effect.Effect<unknown, ExecutionError>,
  detail: Readonly<Record<string, string>>
): Effect.Effect<unknown, ExecutionError> =>
  Effect.catchTag(ask, "ExecutionRefused", (error) =>
    error.status === 404 ? Effect.succeed(refusedAs("ASSET_NOT_FOUND", detail)) : Effect.fail(error)
  )

interface Span {
  readonly after?: string | null
  readonly before?: string | null
  readonly limit?: number | null
  readonly ascending?: boolean
}

const span = ({ after, ascending, before, limit }: Span) => ({
  ...given({ after: after || null, before: before || null, limit: limit || null }),
  ascending: ascending ?? true
})

const events = (
  client: ExecutionClient,
  operation: string,
  send: Parameters<ExecutionClient["ask"]>[0]["send"]
) => client.ask({ operation, send, read: answered("AssetEventsResult", ["asset_events"]) })

/** Each by its type (Airflow 3.3.2, `execution_time/supervisor.py` and `api/client.py`). */
export const assets: Replies<
  | "GetAssetByName"
  | "GetAssetByUri"
  | "GetAssetsByAlias"
  | "GetAssetEventByAsset"
  | "GetAssetEventByAssetAlias"
> = {
  GetAssetByName: ({ name }, { client }) =>
    orNotFound(
      client.ask({
        operation: "GetAssetByName",
        send: ({ assets }) => assets.byName({ query: { name }, responseMode }),
        read: answered("AssetResult", assetKeys)
      }),
      { name }
    ),
  GetAssetByUri: ({ uri }, { client }) =>
    orNotFound(
      client.ask({
        operation: "GetAssetByUri",
        send: ({ assets }) => assets.byUri({ query: { uri }, responseMode }),
        read: answered("AssetResult", assetKeys)
      }),
      { uri }
    ),
  GetAssetsByAlias: ({ alias_name }, { client }) =>
    client.ask({
      operation: "GetAssetsByAlias",
      send: ({ assets }) => assets.byAlias({ query: { alias_name }, responseMode }),
      read: (answer) =>
        result("AssetsByAliasResult", {
          assets: array(answer).map((asset) => result("AssetResult", Object(asset)))
        })
    }),
  /** The site wants both keys; Airflow's client sends an empty one for None. */
  GetAssetEventByAsset: ({ name, uri, ...rest }, { client }) =>
    events(client, "GetAssetEventByAsset", ({ assetEvents }) =>
      assetEvents.byAsset({ query: { name: name ?? "", uri: uri ?? "", ...span(rest) }, responseMode })
    ),
  GetAssetEventByAssetAlias: ({ alias_name, ...rest }, { client }) =>
    events(client, "GetAssetEventByAssetAlias", ({ assetEvents }) =>
      assetEvents.byAlias({ query: { name: alias_name, ...span(rest) }, responseMode })
    )
}
