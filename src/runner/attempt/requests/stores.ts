/** stores: the values that a task keeps between its tries, or with an asset. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TaskRequest } from "../../../protocol/TaskComms.ts"
import type { ExecutionClient } from "../ExecutionClient.ts"
import { given, noted, object, ok, type Replies, refusedAs, responseMode, result } from "./reply.ts"

/** The requests about stores. */
export type StoreRequest = Extract<TaskRequest["type"], `${string}StateStore${string}`>

type Send = Parameters<ExecutionClient["ask"]>[0]["send"]
type Kind = "Task" | "Asset"

const missing = { Task: "TASK_STORE_NOT_FOUND", Asset: "ASSET_STORE_NOT_FOUND" } as const

const read = (client: ExecutionClient, operation: string, kind: Kind, key: string, send: Send) =>
  client
    .ask({
      operation,
      send,
      // The schema allows no key but these two.
      read: (answer) => result(`${kind}StateStoreResult`, { value: object(answer, ["value"])["value"] })
    })
    .pipe(
      Effect.catchTag("ExecutionRefused", (error) =>
        error.status === 404 ? Effect.succeed(refusedAs(missing[kind], { key })) : Effect.fail(error)
      )
    )

const change = (client: ExecutionClient, operation: string, send: Send) =>
  Effect.as(client.ask({ operation, send, read: noted }), ok)

/** Airflow's worker resolves it, too, not the site (`TaskStateStoreAccessor.set` of `execution_time/context.py`, 3.3.2). */
const inDays = (days: number) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    days === 0 ? null : new Date(now + Duration.toMillis(Duration.days(days))).toISOString()
  )

/** Each by its type (Airflow 3.3.2, `execution_time/supervisor.py` and `api/client.py`). */
export const stores: Replies<StoreRequest> = {
  GetTaskStateStore: ({ key, ti_id, type }, { client }) =>
    read(client, type, "Task", key, ({ taskStore }) =>
      taskStore.get({ params: { task_instance_id: ti_id, key }, responseMode })
    ),
  SetTaskStateStore: Effect.fnUntraced(function* (request, { client, stateRetentionDays }) {
    const { key, ti_id, type, value } = request
    const expires_at =
      request.expires_at === undefined ? yield* inDays(stateRetentionDays) : request.expires_at
    return yield* change(client, type, ({ taskStore }) =>
      taskStore.put({
        params: { task_instance_id: ti_id, key },
        payload: { value, ...given({ expires_at }) },
        responseMode
      })
    )
  }),
  DeleteTaskStateStore: ({ key, ti_id, type }, { client }) =>
    change(client, type, ({ taskStore }) =>
      taskStore.remove({ params: { task_instance_id: ti_id, key }, responseMode })
    ),
  ClearTaskStateStore: ({ ti_id, type }, { client }) =>
    change(client, type, ({ taskStore }) =>
      taskStore.clear({ params: { task_instance_id: ti_id }, responseMode })
    ),
  GetAssetStateStoreByName: ({ key, name, type }, { client }) =>
    read(client, type, "Asset", key, ({ assetStore }) =>
      assetStore.getByName({ query: { name, key }, responseMode })
    ),
  GetAssetStateStoreByUri: ({ key, type, uri }, { client }) =>
    read(client, type, "Asset", key, ({ assetStore }) =>
      assetStore.getByUri({ query: { uri, key }, responseMode })
    ),
  SetAssetStateStoreByName: ({ key, name, type, value }, { client }) =>
    change(client, type, ({ assetStore }) =>
      assetStore.putByName({ query: { name, key }, payload: { value }, responseMode })
    ),
  SetAssetStateStoreByUri: ({ key, type, uri, value }, { client }) =>
    change(client, type, ({ assetStore }) =>
      assetStore.putByUri({ query: { uri, key }, payload: { value }, responseMode })
    ),
  DeleteAssetStateStoreByName: ({ key, name, type }, { client }) =>
    change(client, type, ({ assetStore }) => assetStore.removeByName({ query: { name, key }, responseMode })),
  DeleteAssetStateStoreByUri: ({ key, type, uri }, { client }) =>
    change(client, type, ({ assetStore }) => assetStore.removeByUri({ query: { uri, key }, responseMode })),
  ClearAssetStateStoreByName: ({ name, type }, { client }) =>
    change(client, type, ({ assetStore }) => assetStore.clearByName({ query: { name }, responseMode })),
  ClearAssetStateStoreByUri: ({ type, uri }, { client }) =>
    change(client, type, ({ assetStore }) => assetStore.clearByUri({ query: { uri }, responseMode }))
}
