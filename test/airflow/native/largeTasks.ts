/** largeTasks: the bodies of the tasks in the Dag `native_large`, which say in their logs that they run. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Task from "../../../src/task/Task.ts"
import { TaskContext } from "../../../src/task/TaskContext.ts"
import * as XCom from "../../../src/task/XCom.ts"

/** As the Dag has them. */
export const depth = 6
export const width = 8
export const fanned = 20
export const parts = 10

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, each) => total + each, 0)
const places = Array.from({ length: width }, (_, place) => place)
const layer = (level: number) => places.map((place) => `layer_${level}_${place}`)
const numberOf = (taskId: string) => XCom.get({ taskId }, Schema.Int)
const sumOf = (taskIds: ReadonlyArray<string>) =>
  Effect.map(Effect.forEach(taskIds, numberOf, { concurrency: 4 }), sum)

const make = (taskId: string, run: Effect.Effect<unknown, unknown, Task.TaskServices>, mapped?: true) =>
  Task.make({
    dagId: "native_large",
    taskId,
    ...(mapped === undefined ? {} : { mapped }),
    run: () => Effect.andThen(Effect.logInfo("here it runs"), run)
  })

const layers = Array.from({ length: depth }, (_, level) =>
  layer(level).map((taskId, place) => {
    const before = level === 0 ? ["seed"] : layer(level - 1)
    return make(
      taskId,
      Effect.map(sumOf(before), (total) => total + place)
    )
  })
).flat()

const fan = Effect.gen(function* () {
  const { mapIndex } = yield* TaskContext
  const items = yield* XCom.get({ taskId: "items" }, Schema.Array(Schema.Int))
  return (items[mapIndex] ?? Number.NaN) * 10
})

const part = TaskContext.use(({ mapIndex }) =>
  Effect.map(
    XCom.get({ taskId: "split" }, Schema.Array(Schema.Int)),
    (numbers) => (numbers[mapIndex] ?? Number.NaN) ** 2
  )
)

const all = (taskId: string) => Effect.map(XCom.getAll({ taskId }, Schema.Int), sum)

const whole = Effect.map(
  Effect.all([sumOf(["gather", "triple"]), sumOf(layer(depth - 1)), all("part")], { concurrency: 3 }),
  sum
)

export const largeTasks = [
  ...layers,
  make("fan", fan),
  make("gather", all("fan")),
  make("split", Effect.succeed(Array.from({ length: parts }, (_, index) => index)), true),
  make("part", part),
  make("whole", whole)
]
