/** PythonValue: what Airflow 3.3.2's serde wrote is read, and what is written is in the form that it reads. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parse, stringify } from "../../src/protocol/Json.ts"
import { read, write } from "../../src/task/jsonValue.ts"
import * as PythonValue from "../../src/task/PythonValue.ts"

const tuple = (...items: ReadonlyArray<unknown>) =>
  `{"__classname__": "builtins.tuple", "__version__": 1, "__data__": ${JSON.stringify(items)}}`
const utc = tuple("UTC", "pendulum.tz.timezone.FixedTimezone", 1, true)
const datetime = (data: string, name = "datetime.datetime") =>
  `{"__classname__": "${name}", "__version__": 2, "__data__": ${data}}`
const reading = <A>(json: string, schema: Schema.ConstraintDecoder<A>) => read("it", schema, parse(json))

describe("a value from Python", () => {
  it.effect.each([
    [datetime(`{"timestamp": 1767323045.123456, "tz": ${utc}}`), "2026-01-02T03:04:05.123Z"],
    [
      datetime(
        `{"timestamp": 1767319445.0, "tz": ${tuple("Europe/Berlin", "pendulum.tz.timezone.Timezone", 1, true)}}`,
        "pendulum.datetime.DateTime"
      ),
      "2026-01-02T02:04:05.000Z"
    ],
    [datetime('{"timestamp": 1767323045.123456, "tz": null}'), "2026-01-02T03:04:05.123Z"],
    [datetime("1767323045.0"), "2026-01-02T03:04:05.000Z"],
    [datetime('{"timestamp": -1, "tz": null}'), "1969-12-31T23:59:59.000Z"]
  ] as const)("is a point in time: %s", ([json, date]) =>
    Effect.gen(function* () {
      expect((yield* reading(json, PythonValue.DateTime)).toISOString()).toBe(date)
    })
  )

  it.effect("is a duration, a day, or items of their own", () =>
    Effect.gen(function* () {
      const delta = '{"__classname__": "datetime.timedelta", "__version__": 2, "__data__": 300.0}'
      expect(Duration.toSeconds(yield* reading(delta, PythonValue.Duration))).toBe(300)
      const day = '{"__classname__": "datetime.date", "__version__": 2, "__data__": "2026-01-02"}'
      expect(yield* reading(day, PythonValue.Day)).toBe("2026-01-02")
      const deltas = `{"__classname__": "builtins.set", "__version__": 1, "__data__": [${delta}]}`
      const [only] = yield* reading(deltas, PythonValue.Items(PythonValue.Duration))
      expect(only === undefined ? undefined : Duration.toSeconds(only)).toBe(300)
    })
  )

  it.effect("of another class is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(reading(tuple(1), PythonValue.DateTime))
      expect(error.message).toContain("__classname__")
    })
  )
})

describe("a value for Python", () => {
  // serde refuses a timedelta whose seconds are no float
  it("has floats where Python wants them", () => {
    expect(stringify(PythonValue.timedelta("5 minutes"))).toBe(
      '{"__classname__":"datetime.timedelta","__version__":2,"__data__":300.0}'
    )
    expect(stringify(PythonValue.datetime(new Date("2026-01-02T03:04:05.500Z")))).toBe(
      '{"__classname__":"datetime.datetime","__version__":2,"__data__":{"timestamp":1767323045.5,"tz":' +
        '{"__classname__":"builtins.tuple","__version__":1,"__data__":["UTC","pendulum.tz.timezone.Timezone",1,true]}}}'
    )
  })

  it.effect("comes back as it was", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({
        at: PythonValue.DateTime,
        day: PythonValue.Day,
        items: PythonValue.Items(Schema.String)
      })
      const value = { at: new Date("2026-01-02T03:04:05Z"), day: "2026-01-02", items: ["a", "b"] }
      const json = stringify(yield* write("it", schema, value)) ?? ""
      expect(yield* reading(json, schema)).toEqual(value)
    })
  )
})
