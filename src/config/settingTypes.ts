/** settingTypes: the types that a setting can have; each reads a text as Airflow does and says what it allows. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { getBoolean, getFloat, getInt, getOctal, plainInt, strip } from "./PythonText.ts"

/** One type of setting. */
export interface SettingType<A> {
  /** What is allowed, to stand after "must be" and in the documentation. */
  readonly words: string
  /** `none`: not allowed. `undefined` is read where the key is set nowhere and has no default. */
  readonly decode: (text: string | undefined) => Option.Option<A>
  /** The value names a file that must exist and be readable. */
  readonly namesFile?: true
}

const type = <A>(words: string, decode: (text: string) => Option.Option<A>): SettingType<A> => ({
  words,
  decode: (text) => (text === undefined ? Option.none() : decode(text))
})

const atLeast = (min: number) => (value: number) => value >= min

/** A whole number, read by Airflow's `getint`. */
export const whole = (min: number) =>
  type(`a whole number, at least ${min}`, (text) => Option.filter(getInt(text), atLeast(min)))

/** A whole number in one of edge3's hidden variables, read by Python's `int`. */
export const plainWhole = (min: number) =>
  type(`a whole number, at least ${min}`, (text) => Option.filter(plainInt(text), atLeast(min)))

/** Whole seconds. */
export const seconds = (min: number) =>
  type(`a whole number of seconds, at least ${min}`, (text) =>
    Option.map(Option.filter(getInt(text), atLeast(min)), Duration.seconds)
  )

/** Whole seconds; zero and less stand for no limit. */
export const secondsOrNoLimit = type("a whole number of seconds, 0 for no limit", (text) =>
  Option.map(getInt(text), (value) => (value > 0 ? Duration.seconds(value) : undefined))
)

/** Whole seconds, or the word for a value that is derived. */
export const secondsOrAuto = type("a whole number of seconds, or auto", (text) =>
  text.trim().toLowerCase() === "auto"
    ? Option.some(undefined)
    : Option.map(Option.filter(getInt(text), atLeast(0)), Duration.seconds)
)

/** Seconds with a fraction. */
export const fractionalSeconds = type("a number of seconds, at least 0", (text) =>
  Option.map(Option.filter(getFloat(text), atLeast(0)), Duration.seconds)
)

const secondsOf: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/** A time in words, as ours are written: `7 days`, `12h`, plain seconds; `undefined` for never. */
export const durationOrNever = type(
  "a time, as in 90 (seconds), 30 minutes, 12 hours or 7 days, or never",
  (text): Option.Option<Duration.Duration | undefined> => {
    const word = text.trim().toLowerCase()
    if (["", "none", "never"].includes(word)) return Option.some(undefined)
    const found = /^(\d{1,9})\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)?$/.exec(word)
    if (found === null) return Option.none()
    return Option.some(Duration.seconds(Number(found[1]) * (secondsOf[found[2]?.[0] ?? ""] ?? 1)))
  }
)

/** Bytes: a plain number, or with a unit, of 1000 (`MB`) or of 1024 (`MiB`). */
export const size = type("a number of bytes, as in 1048576, 500 MB or 10 GiB", (text) => {
  const found = /^(\d+)\s*(?:([kmgt])(i)?)?b?$/i.exec(text.trim())
  if (found === null) return Option.none()
  const power = " kmgt".indexOf((found[2] ?? " ").toLowerCase())
  return Option.filter(
    Option.some(Number(found[1]) * (found[3] ? 1024 : 1000) ** power),
    Number.isSafeInteger
  )
})

/** Read by Airflow's `getboolean`. */
export const boolean = type("True or False (t, f, 1, 0 are taken too)", getBoolean)

/** One of some words in any case; an empty value stands for the first. */
export const anyCase = <const Words extends readonly [string, ...ReadonlyArray<string>]>(...allowed: Words) =>
  type(`one of ${allowed.join(", ")}`, (text) => {
    const known: ReadonlyArray<Lowercase<Words[number]>> = allowed.map(lowercase)
    return Option.fromUndefinedOr(known.find((word) => word === (text || allowed[0]).toLowerCase()))
  })

// TypeScript types `toLowerCase()` of a literal as string.
const lowercase = <Word extends string>(word: Word) => word.toLowerCase() as Lowercase<Word>

/** One of some words exactly as written. */
export const exactly = (...allowed: ReadonlyArray<string>) =>
  type(`one of ${allowed.join(", ")}, in capitals`, (text) =>
    allowed.includes(text) ? Option.some(text) : Option.none()
  )

/** Any text but the empty one. */
export const text = type("not empty", (text) => (text === "" ? Option.none() : Option.some(text)))

/** The first of a list with commas, `undefined` where that is empty. */
export const firstOfList = type("a text, or several with commas, of which the first counts", (text) =>
  Option.some(text.split(",")[0]?.trim() || undefined)
)

const hmac = /^HS(?:256|384|512)$/

/**
 * The algorithms that a shared secret can sign with; never empty. `GUESS` is Airflow's own word where nothing is set, and no
 * default of `config.yml` (3.3.2, `api_fastapi/auth/tokens.py`).
 */
export const secretAlgorithms: SettingType<readonly [string, ...ReadonlyArray<string>]> = {
  words:
    "HS256, HS384, HS512 or GUESS (HS512, as where it is not set), or several with commas, of which the first signs; others " +
    "need a pair of keys, and workers share a secret",
  decode: (text = "GUESS") => {
    const [first = "GUESS", ...rest] = text
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
    if (first === "GUESS") return Option.some(["HS512"])
    return hmac.test(first) ? Option.some([first, ...rest.filter((name) => hmac.test(name))]) : Option.none()
  }
}

/** The one that signs. */
export const secretAlgorithm: SettingType<string> = {
  ...secretAlgorithms,
  decode: (text) => Option.map(secretAlgorithms.decode(text), ([first]) => first)
}

/** A list with commas; empty entries are left out. */
export const texts = type("texts with commas between; or empty", (text) =>
  Option.some(
    text
      .split(",")
      .map(strip)
      .filter((part) => part !== "")
  )
)

/** A secret: not shown in any message or log. */
export const secret = type("a secret text", (text) => Option.some(Redacted.make(text, { label: "secret" })))

const isHttpUrl = (text: string) => {
  const url = URL.parse(text)
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== ""
}

/** An absolute `http` or `https` address, kept as it was written: edge3 derives other addresses from its text. */
export const httpUrl = type("an address that begins with http:// or https://", (text) =>
  isHttpUrl(text) ? Option.some(text) : Option.none()
)

/** File permissions or their mask, in octal. */
export const octal = type("an octal number from 0 to 777, like 077 or 0o077", (text) =>
  Option.filter(getOctal(text), (value) => value <= 0o777)
)

/** The path of a file that must exist. */
export const file: SettingType<string> = {
  ...type("a file that exists and can be read", text.decode),
  namesFile: true
}

/** `undefined` where the key is not set, or set to nothing. */
export const optional = <A>(inner: SettingType<A>): SettingType<A | undefined> => ({
  ...inner,
  words: `${inner.words}; or not set`,
  decode: (text) => (text ? inner.decode(text) : Option.some(undefined))
})
