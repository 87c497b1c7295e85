/** Generated secrets and records, from a fixed seed, for the comparison with Airflow's masker. */
import * as fc from "fast-check"
import type { MaskingRules } from "../../../src/runner/attempt/SecretsMasker.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export interface MaskingCase {
  readonly rules: MaskingRules
  readonly secrets: ReadonlyArray<{ readonly value: Json; readonly name: string | null }>
  readonly record: { readonly [key: string]: Json }
  /** Every text that may have become a secret. */
  readonly texts: ReadonlyArray<string>
  readonly names: ReadonlyArray<string>
}

const letters = (signs: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...signs), minLength: 1, maxLength })

const secret = fc.oneof(
  letters(".*+?^$()[]{}|\\/-#&~! \"'<>%,;:=@ab1", 12),
  letters("äßŁ日本語🔑🙂éa1", 9),
  letters("ab", 8),
  fc.constantFrom(
    "airflow",
    "AirFlow",
    "AIRFLOW",
    "abcd",
    "abcde",
    "",
    " ",
    "     ",
    "first line\nsecond line of it"
  ),
  letters("0123456789", 9),
  letters("abcXYZ019-_.+/", 24).map((text) => `eyJ${text}`),
  fc.string({ unit: "grapheme-ascii", minLength: 4, maxLength: 20 })
)

/** Some, with prefixes, ends and repetitions of them: secrets that overlap. */
const texts = fc.array(secret, { minLength: 1, maxLength: 4 }).chain((some) =>
  fc
    .array(
      fc.tuple(fc.constantFrom(...some), fc.nat(3), fc.nat(6)).map(([of, how, at]) => {
        const parts = [of.slice(0, at), of.slice(at), of + of, `${of}${at}`]
        return (parts[how] ?? of).toWellFormed()
      }),
      { maxLength: 3 }
    )
    .map((more) => [...new Set([...some, ...more])])
)

const name = fc.oneof(
  fc.constantFrom(
    ...["password", "MY-API key", "My.Access   Token", "db_dsn", "proxyHost", " secret ", "Authorization"],
    ...[
      "host",
      "user",
      "count",
      "pass wd",
      "pass",
      "",
      "_",
      "event_x",
      "custom",
      "my customer",
      "CUSTOM-Name"
    ],
    ...[
      "пароль базы",
      "ПАРОЛЬ",
      "clé",
      "tok\u0301en",
      "to\u200bken",
      "api\u00a0key",
      "api\u001ckey",
      "token\ufeff"
    ]
  ),
  letters("abt_ -.ok en", 8)
)

const recordOf = (secrets: ReadonlyArray<string>) => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...secrets) },
    { weight: 2, arbitrary: letters("ab1 .,*\n", 6) },
    { weight: 1, arbitrary: fc.constantFrom("eyJ", "eyJhbGciOi.x-y_z/rest", "password=", "***", "") }
  )
  const text = fc.array(piece, { maxLength: 5 }).map((parts) => parts.join(""))
  const key = fc.oneof(
    { weight: 12, arbitrary: name.map((of) => (/^\d+$/.test(of) ? `n${of}` : of)) },
    { weight: 1, arbitrary: text.map((of) => `k${of}`) }
  )
  const number = fc.oneof(
    fc.integer(),
    fc.constantFrom(...secrets.filter((of) => /^[1-9]\d{0,8}$/.test(of)).map(Number), 0, 12_345)
  )
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 9, depthSize: "large" },
      text,
      fc.oneof(fc.boolean(), fc.constant(null), number),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 })
    )
  }))
  return fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 })
}

const registered = (of: ReadonlyArray<string>) => {
  const one = fc.constantFrom(...of)
  const value: fc.Arbitrary<Json> = fc.oneof(
    { weight: 5, arbitrary: one },
    { weight: 1, arbitrary: fc.array(fc.oneof(one, fc.integer()), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(name, fc.oneof(one, fc.array(one, { maxLength: 2 }), fc.boolean()), {
        maxKeys: 3
      })
    },
    { weight: 1, arbitrary: fc.dictionary(name, fc.dictionary(name, one, { maxKeys: 2 }), { maxKeys: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom<Json>(null, 0, 123_456, true, [], {}) }
  )
  const named = fc.record({ value, name: fc.option(name, { nil: null, freq: 2 }) })
  return fc.array(named, { minLength: 1, maxLength: 6 })
}

const rules = fc.record({
  hideSensitiveFields: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
  sensitiveNames: fc.subarray(["custom", " name ", "пароль", "Capital", "_t"]),
  minLength: fc.oneof({ weight: 4, arbitrary: fc.constant(5) }, fc.integer({ min: 0, max: 9 }))
})

const one = texts.chain((texts) =>
  fc.record({
    rules,
    secrets: registered(texts),
    record: recordOf(texts),
    texts: fc.constant(texts),
    names: fc.array(name, { maxLength: 4 })
  })
)

/** The same every time. */
export const maskingCases = (count: number): ReadonlyArray<MaskingCase> =>
  fc.sample(one, { numRuns: count, seed: 20_261_128 })
