/** Answer: responses that stand in no declaration, in FastAPI's form. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** `{"detail": …}` */
export const answered = (status: number, detail: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ detail }, { status })
