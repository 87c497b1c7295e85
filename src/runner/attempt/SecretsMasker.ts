/** SecretsMasker: hides an attempt's secrets in whatever is written to its log, by Airflow's rules and a little more. */
import { strip } from "../../config/PythonText.ts"
import { isVerbatim } from "../../protocol/Json.ts"
import { hideIn } from "./hideIn.ts"

/** What decides about masking, from the worker's configuration. */
export interface MaskingRules {
  /** `[core] hide_sensitive_var_conn_fields`: whether names decide at all. */
  readonly hideSensitiveFields: boolean
  /** `[core] sensitive_var_conn_names`: further parts of names under which values are secret. */
  readonly sensitiveNames: ReadonlyArray<string>
  /** `[logging] min_length_masked_secret`, in characters. */
  readonly minLength: number
}

/** How much of a value is kept; what is beyond is left out, and said to be. */
export interface Limits {
  /** Characters of one text. */
  readonly text: number
  /** Characters of all texts and keys together. */
  readonly all: number
  /** Values in all. */
  readonly values: number
  /** Levels of objects in objects. */
  readonly depth: number
}

/** The secrets of one attempt: what is added is hidden from then on. */
export interface SecretsMasker {
  /**
   * `MaskSecret`: hides the texts in a value; with a name, only where that is sensitive. In an object each value goes by its
   * own key.
   */
  readonly add: (secret: unknown, name?: string | null | undefined) => void
  /** A connection that the task is given: its password, all of `extra`, and what stands there under a sensitive key. */
  readonly addConnection: (connection: {
    readonly password?: string | null | undefined
    readonly extra?: string | null | undefined
  }) => void
  /** A variable that the task is given: its value where its key is sensitive, and what stands in it under a sensitive key. */
  readonly addVariable: (key: string, value: string) => void
  /** Whether values under this name are secret. */
  readonly isSensitive: (name: string) => boolean
  /** The value as it may be written: no secret in it, at any depth, nor in its keys. */
  readonly redact: (value: unknown, limits?: Limits) => unknown
  /** A text as it may be written, at most `longest` characters of it. */
  readonly redactText: (text: string, longest?: number) => string
}

/** `DEFAULT_SENSITIVE_FIELDS` of Airflow 3.3.2's `sdk/_shared/secrets_masker/secrets_masker.py`; the rules are those of that file. */
const alwaysSensitive = [
  "access_key",
  "access_token",
  "api_key",
  "apikey",
  "auth_header",
  "authorization",
  "bearer",
  "connection_string",
  "dsn",
  "keyfile_dict",
  "passphrase",
  "passwd",
  "password",
  "private_key",
  "proxies",
  "proxy",
  "proxy_password",
  "secret",
  "service_account",
  "service_key",
  "token",
  "webhook_url"
]

const stars = "***"
/** Levels below a sensitive key where single values are told from each other (`MAX_RECURSION_DEPTH`). */
const starsBelow = 5
/** A line of a secret with several lines, as of a key, is hidden by itself from this length on. */
const tellingLine = 16
const unlimited: Limits = { text: Infinity, all: Infinity, values: Infinity, depth: 200 }

/** What Python's `\W` matches. */
const notOfAName = /[^\p{L}\p{N}_]+/gu

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !isVerbatim(value)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A secret, the same inside JSON, and its lines: how a program that prints it in one piece or another would show it. */
const formsOf = (secret: string): ReadonlyArray<string> => {
  const lines = secret.split(/[\r\n]+/)
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    ...(lines.length > 1 ? lines.map(strip).filter((line) => line.length >= tellingLine) : [])
  ]
}

/** One attempt's masker. Fresh for each, so that no secret of one task stays with another. */
export const secretsMasker = (rules: MaskingRules): SecretsMasker => {
  // An empty name, as from "a,,b", would be part of every name; Airflow then hides everything.
  const sensitive = [...alwaysSensitive, ...rules.sensitiveNames.map(strip)].filter((name) => name !== "")
  const secrets = { all: new Set<string>(), longest: 0 }

  const judged = new Map<string, boolean>()
  const judge = (name: string) => {
    if (!rules.hideSensitiveFields) return false
    const normal = strip(name).toLowerCase().replace(notOfAName, "_")
    return sensitive.some((part) => normal.includes(part))
  }
  /** A log has the same few keys in every line. */
  const isSensitive = (name: string) => {
    const known = judged.get(name)
    if (known !== undefined) return known
    const is = judge(name)
    if (judged.size < 1_000 && name.length < 100) judged.set(name, is)
    return is
  }

  const isLongEnough = (secret: string) =>
    secret.length >= 2 * rules.minLength || [...secret].length >= rules.minLength

  const addText = (secret: string, name: string | null | undefined) => {
    if (name && !isSensitive(name)) return
    if (secret === "" || !isLongEnough(secret)) return
    for (const form of formsOf(secret.toWellFormed())) {
      if (!isLongEnough(form) || form.toLowerCase() === "airflow") continue
      secrets.all.add(form)
      secrets.longest = Math.max(secrets.longest, form.length)
    }
  }

  const add: SecretsMasker["add"] = (secret, name) => {
    const left: Array<readonly [unknown, string | null | undefined]> = [[secret, name]]
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [value, of] = next
      if (typeof value === "string") addText(value, of)
      else if (Array.isArray(value)) for (const item of value) left.push([item, of])
      else if (isObject(value)) for (const [key, item] of Object.entries(value)) left.push([item, key])
    }
  }

  const redactText: SecretsMasker["redactText"] = (text, longest) => hideIn(text, secrets, longest)

  const redact: SecretsMasker["redact"] = (root, limits = unlimited) => {
    let { all, values } = limits
    const text = (of: string) => {
      const shown = redactText(of, Math.max(0, Math.min(limits.text, all)))
      all -= shown.length
      return shown
    }
    const leaf = (value: unknown, hidden: boolean): unknown => {
      if (typeof value === "string") return hidden ? stars : text(value)
      if (typeof value !== "number" && !isVerbatim(value)) return value
      const digits = JSON.stringify(value)
      const shown = redactText(digits)
      return shown === digits ? value : shown
    }
    /** `hidden`: below a sensitive key. */
    const walk = (value: unknown, depth: number, hidden: boolean): unknown => {
      values -= 1
      if (hidden && depth > starsBelow) return stars
      if (!isObject(value)) return leaf(value, hidden)
      if (depth > limits.depth) return "(nested too deeply)"
      if (Array.isArray(value)) {
        const items: Array<unknown> = []
        for (const item of value) {
          if (values <= 0 || all <= 0) return [...items, `… (${value.length - items.length} more)`]
          items.push(walk(item, depth + 1, hidden))
        }
        return items
      }
      const fields = new Map<string, unknown>()
      const keys = Object.keys(value)
      for (const key of keys) {
        if (values <= 0 || all <= 0) {
          fields.set("…", `${keys.length - fields.size} more`)
          break
        }
        const shown = text(key)
        // Two keys may look the same now, and neither value may get lost.
        const name = fields.has(shown) ? `${shown} (${fields.size + 1})` : shown
        fields.set(name, walk(Reflect.get(value, key), depth + 1, hidden || isSensitive(key)))
      }
      return Object.fromEntries(fields)
    }
    return walk(root, 0, false)
  }

  return {
    add,
    addConnection: ({ extra, password }) => {
      add(password)
      add(extra)
      if (extra) add(parsed(extra))
    },
    addVariable: (key, value) => {
      add(value, key)
      const inside = parsed(value)
      if (inside !== undefined) add(inside, key)
    },
    isSensitive,
    redact,
    redactText
  }
}
