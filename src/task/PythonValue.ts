/** PythonValue: schemas for what Python wraps in XComs, trigger kwargs and events, because JSON has no such thing. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { Float } from "./Lossless.ts"

/** The form of `airflow/sdk/serde` 3.3.2. */
const wrapped = <Data extends Schema.Constraint>(
  classes: readonly [string, ...ReadonlyArray<string>],
  data: Data
) => Schema.Struct({ __classname__: Schema.Literals(classes), __version__: Schema.Int, __data__: data })

/** Older parts of a site write a bare timestamp in UTC; `tz` is null in a datetime without a time zone. */
const Instant = Schema.Union([Schema.Struct({ timestamp: Float, tz: Schema.Unknown }), Float])

const utc = {
  __classname__: "builtins.tuple",
  __version__: 1,
  __data__: ["UTC", "pendulum.tz.timezone.Timezone", 1, true]
}

/** `datetime.datetime`, also pendulum's, as a Date: to the millisecond, without its time zone. Written in UTC. */
const DateTimeFromPython = wrapped(["datetime.datetime", "pendulum.datetime.DateTime"], Instant).pipe(
  Schema.decodeTo(Schema.Date, {
    decode: SchemaGetter.transform(
      ({ __data__: data }) => new Date(Math.round((typeof data === "number" ? data : data.timestamp) * 1000))
    ),
    encode: SchemaGetter.transform((date: Date) => ({
      __classname__: "datetime.datetime" as const,
      __version__: 2,
      __data__: { timestamp: date.getTime() / 1000, tz: utc }
    }))
  })
)

/** `datetime.timedelta` as a Duration. */
const DurationFromPython = wrapped(["datetime.timedelta"], Float).pipe(
  Schema.decodeTo(Schema.Duration, {
    decode: SchemaGetter.transform(({ __data__: seconds }) => Duration.millis(Math.round(seconds * 1000))),
    encode: SchemaGetter.transform((duration: Duration.Duration) => ({
      __classname__: "datetime.timedelta" as const,
      __version__: 2,
      __data__: Duration.toMillis(duration) / 1000
    }))
  })
)

/** `datetime.date` as `YYYY-MM-DD`. */
export const Day = wrapped(["datetime.date", "pendulum.date.Date"], Schema.String).pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform(({ __data__: day }) => day),
    encode: SchemaGetter.transform((day: string) => ({
      __classname__: "datetime.date" as const,
      __version__: 2,
      __data__: day
    }))
  })
)

/** A tuple, set or frozenset as an array; written as a tuple. */
export const Items = <Item extends Schema.Constraint>(item: Item) =>
  wrapped(["builtins.tuple", "builtins.set", "builtins.frozenset"], Schema.Array(item)).pipe(
    Schema.decodeTo(Schema.Array(Schema.toType(item)), {
      decode: SchemaGetter.transform(({ __data__: items }) => items),
      encode: SchemaGetter.transform((items: ReadonlyArray<Item["Type"]>) => ({
        __classname__: "builtins.tuple" as const,
        __version__: 1,
        __data__: items
      }))
    })
  )

/** A Date for the `kwargs` of a trigger. */
export const datetime = (date: Date): unknown => Schema.encodeSync(DateTimeFromPython)(date)

/** A duration for the `kwargs` of a trigger. */
export const timedelta = (duration: Duration.Input): unknown =>
  Schema.encodeSync(DurationFromPython)(Duration.fromInputUnsafe(duration))

export { DateTimeFromPython as DateTime, DurationFromPython as Duration }
