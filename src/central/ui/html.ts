/** html: the one way in which text becomes a page: every value is escaped, and what a terminal would obey is taken out. */

/** Markup that was made here. Nothing else goes into a page as it is. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

/** What may stand in a template. `null`, `undefined` and `false` are nothing. */
export type Value = string | number | Html | null | undefined | false | ReadonlyArray<Value>

const ESC = String.fromCodePoint(0x1b)
const BEL = String.fromCodePoint(0x07)
/** Colours and cursor moves (CSI), titles and links (OSC), and the other two-character commands. */
const ansi = new RegExp(
  `${ESC}\\[[0-?]*[ -/]*[@-~]?|${ESC}[\\]PX^_][^${ESC}${BEL}]*(?:${BEL}|${ESC}\\\\)?|${ESC}.?`,
  "gsu"
)
/** Control characters but tab and line feed, and those that turn the direction of what follows. */
const unseen = /(?![\t\n])\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu

/** Text of a worker or a task without what would hide or move other text. */
export const plain = (text: string): string =>
  text.replace(ansi, "").replaceAll("\r\n", "\n").replaceAll("\r", "\n").replace(unseen, "\ufffd")

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;"
}

/** Good as text and inside a quoted attribute. */
export const escape = (text: string): string =>
  plain(text).replace(/[&<>"'`]/g, (character) => entities[character] ?? "")

const markupOf = (value: Value): string => {
  if (value === null || value === undefined || value === false) return ""
  if (value instanceof Html) return value.markup
  if (typeof value === "object") return value.map(markupOf).join("")
  return escape(String(value))
}

/** A template of markup. Values stand in text or between the quotes of an attribute. */
export const html = (strings: TemplateStringsArray, ...values: ReadonlyArray<Value>): Html => {
  let markup = strings[0] ?? ""
  values.forEach((value, at) => {
    // an attribute without quotes would end at the first blank of the value
    if (markup.endsWith("=")) throw new Error(`an attribute without quotes: ${strings[at]?.slice(-40)}`)
    markup += markupOf(value) + (strings[at + 1] ?? "")
  })
  return new Html(markup)
}

/** A query string of parameters; those that are not given are left out. */
export const query = (parameters: Readonly<Record<string, string | number | undefined>>): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) search.append(name, String(value))
  return `?${search.toString()}`
}

/** A cell of a list, with the name of its column for a screen too narrow for columns. */
export const cell = (label: string, content: Value): Html =>
  html`<td role="cell" data-label="${label}"><div>${content}</div></td>`
