/** form: what a browser's form or a request's address says. */
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"

/** The fields of a form; none of a body that is no form. */
export const readForm = (request: HttpServerRequest): Effect.Effect<URLSearchParams> => {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase()
  return type === "application/x-www-form-urlencoded"
    ? request.text.pipe(
        Effect.map((text) => new URLSearchParams(text)),
        Effect.orElseSucceed(() => new URLSearchParams())
      )
    : Effect.succeed(new URLSearchParams())
}

/** The parameters of the address. */
export const searchOf = (request: HttpServerRequest): URLSearchParams =>
  new URL(request.url, "http://central").searchParams
