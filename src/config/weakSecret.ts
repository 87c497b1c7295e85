/** weakSecret: what is wrong with a shared secret that others could guess or know. */

const examples =
  /change[-_ ]?me|example|your[-_ ]?(?:own[-_ ]?)?(?:secret|jwt|key|token)|airflow[-_ ]?jwt|placeholder|insecure|password|secret[-_ ]?key|replace[-_ ]?(?:me|this)|0123456789|1234567890|abcdefghij|qwerty/i

/** As text for a person, or `undefined` where it is good. HS512 over fewer than 32 bytes can be guessed offline. */
export const weakness = (secret: string): string | undefined => {
  const bytes = new TextEncoder().encode(secret).length
  if (bytes < 32) return `it must have at least 32 bytes, and has ${bytes}`
  if (examples.test(secret)) return "it looks like an example from a page of documentation"
  return new Set(secret).size < 10 ? "it repeats the same few characters" : undefined
}
