/** TokenExpiry: when a task's own token ends, read from its claims without checking its signature. */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Claims = Schema.fromJsonString(Schema.Struct({ exp: Schema.Finite }))

/** The `exp` of a JWT in epoch milliseconds of the site's clock; undefined where it has none or is no JWT. */
export const expiryOf = (token: string): number | undefined => {
  const payload = token.split(".")[1]
  if (payload === undefined) return undefined
  const text = Base64Url.decodeString(payload)
  if (Result.isFailure(text)) return undefined
  const claims = Schema.decodeUnknownOption(Claims)(text.success)
  return Option.isSome(claims) ? claims.value.exp * 1000 : undefined
}

const Life = Schema.fromJsonString(Schema.Struct({ exp: Schema.Finite, iat: Schema.Finite }))

/** How long a JWT is good for from its making on, in milliseconds; undefined where it does not say. No clock is asked. */
export const lifeOf = (token: string): number | undefined => {
  const payload = token.split(".")[1]
  if (payload === undefined) return undefined
  const text = Base64Url.decodeString(payload)
  if (Result.isFailure(text)) return undefined
  const claims = Schema.decodeUnknownOption(Life)(text.success)
  return Option.isSome(claims) ? (claims.value.exp - claims.value.iat) * 1000 : undefined
}
