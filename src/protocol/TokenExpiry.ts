/** TokenExpiry: when a task's own token ends, read from its claims without checking its signature. */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"

/** The claims of a JWT that are finite numbers. By hand: it is read at each job and each answer that brings a new one. */
const numbersOf = (token: string): Readonly<Partial<Record<"exp" | "iat", number>>> => {
  const text = Base64Url.decodeString(token.split(".")[1] ?? "")
  if (Result.isFailure(text)) return {}
  try {
    const claims: unknown = JSON.parse(text.success)
    if (typeof claims !== "object" || claims === null) return {}
    return Object.fromEntries(Object.entries(claims).filter(([, value]) => Number.isFinite(value)))
  } catch {
    return {}
  }
}

/** The `exp` of a JWT in epoch milliseconds of the site's clock; undefined where it has none or is no JWT. */
export const expiryOf = (token: string): number | undefined => {
  const { exp } = numbersOf(token)
  return exp === undefined ? undefined : exp * 1000
}

/** How long a JWT is good for from its making on, in milliseconds; undefined where it does not say. No clock is asked. */
export const lifeOf = (token: string): number | undefined => {
  const { exp, iat } = numbersOf(token)
  return exp === undefined || iat === undefined ? undefined : (exp - iat) * 1000
}
