/** What the masker hides besides Airflow's rules, which test/airflow/attempt compares with Airflow itself. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Json from "../../../src/protocol/Json.ts"
import { type MaskingRules, secretsMasker } from "../../../src/runner/attempt/SecretsMasker.ts"

const rules: MaskingRules = { hideSensitiveFields: true, sensitiveNames: [], minLength: 5 }
const knowing = (...secrets: ReadonlyArray<unknown>) => {
  const masker = secretsMasker(rules)
  for (const secret of secrets) masker.add(secret)
  return masker
}

describe("a text", () => {
  it("loses its secrets, whatever signs they are made of", () => {
    expect(knowing("a.*b(c").redactText("x a.*b(c y a..b(c")).toBe("x *** y a..b(c")
  })

  it("loses all of secrets that overlap or begin alike, and keeps what stands between", () => {
    const masker = knowing("abcde", "cdefg", "abcdefgh")
    expect(masker.redactText("abcdefg abcdefgh abcde-cdefg")).toBe("*** *** ***-***")
    expect(knowing("ababa").redactText("xababababax")).toBe("x***x")
  })

  it("loses what looks like a token, together with a secret that reaches into it", () => {
    expect(knowing().redactText("t=eyJhbGci.eyJz-_.sig; eyJ")).toBe("t=eyJ***; eyJ***")
    expect(knowing("xx-eyJab").redactText("xx-eyJabc.def")).toBe("***")
  })

  it("keeps short secrets, empty ones, and the word airflow", () => {
    expect(knowing("abcd", "", "AirFlow", "🔑🔑🔑🔑").redactText("abcd AirFlow 🔑🔑🔑🔑")).toBe(
      "abcd AirFlow 🔑🔑🔑🔑"
    )
  })

  it("loses a secret that JSON has escaped, and the long lines of one with several", () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAAAA\n"
    const masker = knowing('pa"ss\\word', key)
    expect(masker.redactText(JSON.stringify({ a: 'pa"ss\\word', key }))).toBe('{"a":"***","key":"***"}')
    expect(masker.redactText("MIIEvQIBADANBgkq")).toBe("***")
    expect(masker.redactText("AAAA")).toBe("AAAA")
  })

  it("is cut after masking: no half of a secret is left at the cut", () => {
    const masker = knowing("very-secret-value")
    expect(masker.redactText("0123456789 very-secret-value", 15)).toBe("0123456789 ***… (28 characters)")
    expect(masker.redactText("0123456789", 4)).toBe("0123… (10 characters)")
    expect(masker.redactText("ab🔑", 3)).toBe("ab\ufffd… (4 characters)")
  })

  it("of ten million characters is read in its beginning only", () => {
    const shown = knowing("aaaaa").redactText("a".repeat(10_000_000), 1_000)
    expect(shown).toBe("***… (10000000 characters)")
  })
})

describe("a value", () => {
  it("loses the texts below a sensitive key, as in Airflow, and no numbers of it", () => {
    const value = { db_password: { a: ["x", 5, null], b: { c: true } }, "API-Key": "x", api: "x" }
    expect(knowing().redact(value)).toEqual({
      db_password: { a: ["***", 5, null], b: { c: true } },
      "API-Key": "***",
      api: "x"
    })
  })

  it("loses secrets in keys, numbers and at any depth", () => {
    const deep = (of: unknown) => Array.from({ length: 30 }).reduce<unknown>((inner) => ({ inner }), of)
    const masker = knowing("my-secret", "12345678")
    expect(masker.redact(deep("my-secret"))).toEqual(deep("***"))
    expect(masker.redact({ "k my-secret": 112345678, n: Json.parse("12345678.0") })).toEqual({
      "k ***": "1***",
      n: "***.0"
    })
    expect(masker.redact({ "my-secret": 1, "12345678": 2 })).toEqual({ "***": 2, "*** (2)": 1 })
  })

  it("keeps numbers digit by digit", () => {
    const text = '{"a":1.0,"b":123456789012345678901234567890}'
    expect(Json.stringify(knowing("secret-value").redact(Json.parse(text)))).toBe(text)
  })

  it("is bounded in texts, values and depth", () => {
    const limits = { text: 10, all: 1_000, values: 50, depth: 3 }
    const masker = knowing()
    expect(masker.redact({ a: "x".repeat(20) }, limits)).toEqual({ a: `${"x".repeat(10)}… (20 characters)` })
    expect(masker.redact({ a: { b: { c: { d: 1 } } } }, limits)).toEqual({
      a: { b: { c: { d: 1 } } }
    })
    expect(masker.redact({ a: { b: { c: { d: {} } } } }, limits)).toEqual({
      a: { b: { c: { d: "(nested too deeply)" } } }
    })
    const many = masker.redact(
      Array.from({ length: 1_000_000 }, (_, at) => at),
      limits
    )
    expect(many).toHaveLength(50)
    expect((many as ReadonlyArray<unknown>).at(-1)).toBe("… (999951 more)")
    const keys = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, "0123456789"]))
    expect(masker.redact(keys, limits)).toHaveProperty("…")
  })

  it("nested a hundred thousand times does not end the program", () => {
    const text = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
    expect(JSON.stringify(knowing().redact(JSON.parse(text)))).toContain("(nested too deeply)")
    expect(() => knowing(JSON.parse(text))).not.toThrow()
  })
})

describe("a name", () => {
  it("of the configuration counts besides Airflow's own, without blanks and empty ones", () => {
    const masker = secretsMasker({ ...rules, sensitiveNames: [" kennwort ", ""] })
    expect(["Mein-Kennwort", "TOKEN", "host"].map(masker.isSensitive)).toEqual([true, true, false])
  })

  it("does not count where the configuration says so", () => {
    const masker = secretsMasker({ ...rules, hideSensitiveFields: false })
    masker.add("named value", "password")
    masker.add("other value")
    expect(masker.redact({ password: "named value, other value" })).toEqual({ password: "named value, ***" })
  })
})

describe("a connection", () => {
  it("has its password, its whole extra and what is sensitive in there hidden", () => {
    const masker = knowing()
    const extra = '{"token": "t0k3n-1", "region": "eu-west", "more": {"api_key": ["k3y-00"]}}'
    masker.addConnection({ password: "pa55word", extra })
    expect(masker.redactText(`pa55word ${extra} t0k3n-1 eu-west k3y-00`)).toBe("*** *** *** eu-west ***")
  })

  it("may have neither, or an extra that is no JSON", () => {
    const masker = knowing()
    masker.addConnection({ password: null, extra: null })
    masker.addConnection({ extra: "{no json" })
    expect(masker.redactText("null {no json")).toBe("null ***")
  })
})

describe("a variable", () => {
  it("is hidden where its key is sensitive, also as the text that it holds as JSON", () => {
    const masker = knowing()
    masker.addVariable("db_password", '"in quotes"')
    masker.addVariable("list_of_secrets", '["first-of", "second-of"]')
    masker.addVariable("plain", "visible")
    expect(masker.redactText("in quotes first-of second-of visible")).toBe("*** *** *** visible")
  })

  it("that is an object goes by the keys in it", () => {
    const masker = knowing()
    masker.addVariable("settings", '{"password": "hunter22", "user": "somebody"}')
    expect(masker.redactText("hunter22 somebody")).toBe("*** somebody")
  })
})

/** Every text in a value, its keys too. */
const textsIn = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (typeof value === "number") return [String(value)]
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, of]) => [
    ...(Array.isArray(value) ? [] : [key]),
    ...textsIn(of)
  ])
}

// A secret with stars in it could come about by masking another one, and tells nothing then.
const secret = fc
  .oneof(
    fc.string({ minLength: 5, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom("a", "b"), minLength: 5, maxLength: 8 }),
    fc.string({ unit: "grapheme", minLength: 5, maxLength: 8 }),
    fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 5, maxLength: 9 })
  )
  .filter((text) => [...text].length >= 5 && !/[*…]/.test(text) && text.toLowerCase() !== "airflow")

describe("no secret that was told is left", () => {
  it("whatever the value", () => {
    const given = fc.array(secret, { minLength: 1, maxLength: 5 }).chain((secrets) => {
      const text = fc
        .array(
          fc.oneof(
            fc.constantFrom(...secrets),
            fc.string({ maxLength: 4 }),
            fc.constantFrom("a", "eyJ", "b")
          ),
          {
            maxLength: 6
          }
        )
        .map((parts) => parts.join(""))
      const number = fc.constantFrom(...secrets.filter((of) => /^[1-9]\d*$/.test(of)).map(Number), 7)
      const { value } = fc.letrec<{ value: unknown }>((tie) => ({
        value: fc.oneof(
          { maxDepth: 12, depthSize: "xlarge" },
          text,
          number,
          fc.array(tie("value"), { maxLength: 3 }),
          fc.dictionary(text, tie("value"), { maxKeys: 3 })
        )
      }))
      return fc.tuple(fc.constant(secrets), value, fc.integer({ min: 1, max: 40 }))
    })
    fc.assert(
      fc.property(given, ([secrets, value, longest]) => {
        const masker = knowing(...secrets)
        const limits = { text: longest, all: 500, values: 100, depth: 9 }
        for (const shown of [masker.redact(value), masker.redact(value, limits)]) {
          // what we say of a cut is no part of the value
          const texts = textsIn(shown).map((text) =>
            text.replace(/… \(\d+ (?:characters|more)\)$| \(\d+\)$/, "")
          )
          for (const secret of secrets)
            expect(texts.filter((text) => text.includes(secret) && text !== "(nested too deeply)")).toEqual(
              []
            )
        }
      }),
      { numRuns: 1_000 }
    )
  })
})
