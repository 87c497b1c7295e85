/** StoredText: text as a database keeps it: NUL and halves of characters, which PostgreSQL or UTF-8 refuse, are escaped. */

/** Begins an escape, so it is escaped itself: ASCII's SUBSTITUTE, which hardly any text holds. */
const mark = "\u001a"

const escaped = new RegExp(`${mark}([0-9a-f]{4})`, "g")

const isRefused = (code: number): boolean => code === 0 || code === 0x1a || (code >= 0xd800 && code <= 0xdfff)

export const toStored = (text: string): string => {
  if (text.isWellFormed() && !text.includes("\0") && !text.includes(mark)) return text
  let stored = ""
  // by whole characters: the half of one comes alone only where its other half is missing
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    stored += isRefused(code) ? `${mark}${code.toString(16).padStart(4, "0")}` : character
  }
  return stored
}

export const fromStored = (stored: string): string =>
  stored.includes(mark)
    ? stored.replace(escaped, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : stored

export const toStoredOrNull = (text: string | null): string | null => (text === null ? null : toStored(text))

export const fromStoredOrNull = (stored: string | null): string | null =>
  stored === null ? null : fromStored(stored)
