/** coordinators: which queues' tasks are no Python, as `[sdk] coordinators` and `[sdk] queue_to_coordinator` say it. */
import * as Option from "effect/Option"
import type { SettingType } from "./settingTypes.ts"

/** The class of each coordinator, by its name. */
export type Coordinators = ReadonlyMap<string, string>
/** The coordinator's name of each queue that has one; the tasks of all others are Python's. */
export type QueueToCoordinator = ReadonlyMap<string, string>

/** As Airflow's `getjson` reads it (3.3.2): nothing is an empty object. */
const objectOf = <A>(
  words: string,
  valueOf: (value: unknown) => A | undefined
): SettingType<ReadonlyMap<string, A>> => ({
  words,
  decode: (text) => {
    if (!text?.trim()) return Option.some(new Map())
    try {
      const found: unknown = JSON.parse(text)
      if (typeof found !== "object" || found === null || Array.isArray(found)) return Option.none()
      const entries = Object.entries(found).flatMap(([name, value]: [string, unknown]) => {
        const read = valueOf(value)
        return read === undefined ? [] : [[name, read] as const]
      })
      return entries.length === Object.keys(found).length ? Option.some(new Map(entries)) : Option.none()
    } catch {
      return Option.none()
    }
  }
})

/** `{name: {classpath, kwargs}}` (`sdk/execution_time/coordinator.py`, Airflow 3.3.2). */
export const coordinatorTable: SettingType<Coordinators> = objectOf(
  'a JSON object that gives each coordinator\'s name an object with its "classpath"',
  (value) =>
    typeof value === "object" && value !== null && "classpath" in value && typeof value.classpath === "string"
      ? value.classpath
      : undefined
)

/** `{queue: name}`. */
export const queueTable: SettingType<QueueToCoordinator> = objectOf(
  "a JSON object that gives each queue the name of a coordinator",
  (value) => (typeof value === "string" ? value : undefined)
)

/** True where the tasks of a queue are TypeScript or JavaScript, whether this worker knows them or not. */
export const isNodeQueue = (
  {
    coordinators,
    queueToCoordinator
  }: {
    readonly coordinators: Coordinators
    readonly queueToCoordinator: QueueToCoordinator
  },
  queue: string
): boolean => {
  const name = queueToCoordinator.get(queue)
  return name !== undefined && (coordinators.get(name)?.endsWith("NodeCoordinator") ?? false)
}
