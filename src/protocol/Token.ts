/** Token: what a worker's token says. Signing it is `platform/TokenSigner`'s. */

/** The claims of one request's token, in seconds since the epoch (Airflow 3.3.2, `JWTGenerator.generate`). */
export interface Claims {
  readonly jti: string
  readonly iss?: string
  readonly aud: "api"
  readonly nbf: number
  readonly exp: number
  readonly iat: number
  /** The only path that the token is good for, as `methodClaim` writes it. */
  readonly method: string
}

/** The claims of a token that is good for `lifeSeconds` from `nowMillis` on. */
export const claims = (options: {
  readonly id: string
  readonly method: string
  readonly nowMillis: number
  readonly lifeSeconds: number
  readonly issuer?: string | undefined
}): Claims => {
  const now = Math.floor(options.nowMillis / 1000)
  return {
    jti: options.id,
    ...(options.issuer ? { iss: options.issuer } : {}),
    aud: "api",
    nbf: now,
    exp: Math.floor(now + options.lifeSeconds),
    iat: now,
    method: options.method
  }
}

const escapes: Readonly<Record<string, string>> = { "?": "%3F", "#": "%23", "\\": "%5C" }

/**
 * The `method` claim for a request's path below the API's folder, as it stands in the URL (percent-encoded).
 *
 * The site compares it with `request.url.path` (edge3 5.1.0, `worker_api/auth.py`): the decoded path, in which
 * Starlette 1.10 writes `?` `#` `\` as %3F %23 %5C, and from which Python's `urlsplit` drops tabs and line ends.
 */
export const methodClaim = (encodedPath: string): string =>
  decodeURIComponent(encodedPath.replace(/^\/+/, ""))
    .replace(/[?#\\]/g, (character) => escapes[character] ?? character)
    .replace(/[\t\r\n]/g, "")
