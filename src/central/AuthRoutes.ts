/** AuthRoutes: how a person or script gets a credential: a token, a session by password, a session by the one-time link. */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Redacted from "effect/Redacted"
import { CentralConfig } from "../config/CentralConfig.ts"
import { Accounts, type Identity, SESSION_SECONDS } from "./Accounts.ts"
import { answered } from "./Answer.ts"
import {
  addressOf,
  checkSource,
  cookieName,
  identify,
  isLocal,
  isSecure,
  type Names,
  protect,
  sessionOf
} from "./Guard.ts"
import { Repository } from "./Repository.ts"
import { ADMIN_NAME } from "./Users.ts"
import { readForm } from "./ui/form.ts"
import { enteredPage, loginPage } from "./ui/page.ts"

const shown = (status: number, page: { readonly markup: string }) =>
  HttpServerResponse.text(page.markup, { status, contentType: "text/html; charset=utf-8" })

const withSession = (
  response: HttpServerResponse.HttpServerResponse,
  request: HttpServerRequest,
  names: Names,
  session: string
) =>
  HttpServerResponse.setCookieUnsafe(response, cookieName(request), session, {
    httpOnly: true,
    sameSite: "strict",
    secure: isSecure(request, names),
    path: "/",
    maxAge: session === "" ? 0 : `${SESSION_SECONDS} seconds`
  })

/** No login is longer; what is not known to anybody must not fill the memory. */
const withLimit = Effect.provideService(MaxBodySize, ByteSize.bytes(16_384))

/** `{username, password}` as JSON or as a form, as Airflow's SimpleAuthManager takes them; `undefined`: neither. */
const readLogin = Effect.fnUntraced(function* (request: HttpServerRequest) {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase()
  if (type === "application/json") {
    const body: unknown = yield* request.json.pipe(Effect.orElseSucceed(() => null))
    const at = (name: string) => {
      const value =
        typeof body === "object" && body !== null ? Object.getOwnPropertyDescriptor(body, name)?.value : null
      return typeof value === "string" ? value : ""
    }
    return { user: at("username"), password: at("password") }
  }
  if (type !== "application/x-www-form-urlencoded") return undefined
  const form = yield* readForm(request)
  return { user: form.get("username") ?? "", password: form.get("password") ?? "" }
}, withLimit)

/** Longer ones are nobody's, and are not hashed. */
const fits = ({ password, user }: { readonly user: string; readonly password: string }) =>
  user !== "" && password !== "" && user.length <= 64 && password.length <= 1024

/** `/auth/token`, `/auth/link`, `/login` and `/logout`. */
export const layer = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    const repository = yield* Repository

    /** A login is noted as a change is; where that cannot be written down, the login still holds. */
    const note = Effect.fnUntraced(
      function* (identity: Identity, action: string, request: HttpServerRequest) {
        const at = yield* Clock.currentTimeMillis
        const detail = addressOf(request, settings)
        yield* repository.addAudit({ at, user: identity.name, action, target: "central", detail })
      },
      Effect.catch((error) => Effect.logError(error.message))
    )
    const refused = (error: { readonly message: string }) => Effect.succeed(answered(403, error.message))

    const away = "the central's database does not answer"
    const unavailable = (answer: HttpServerResponse.HttpServerResponse) => (error: Error) =>
      Effect.as(Effect.logError(error.message), answer)

    const issueToken = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        yield* checkSource(request, settings, false)
        const login = yield* readLogin(request)
        if (login === undefined) return answered(415, "Unsupported Media Type")
        if (!fits(login)) return answered(400, "Username and password must be provided")
        const identity = yield* accounts.logIn(
          login.user,
          Redacted.make(login.password),
          addressOf(request, settings)
        )
        const token = yield* accounts.issueToken(identity)
        yield* note(identity, "issue token", request)
        return HttpServerResponse.jsonUnsafe({ access_token: Redacted.value(token) }, { status: 201 })
      },
      Effect.catchTags({
        SourceRefused: refused,
        RepositoryUnavailable: unavailable(answered(503, away)),
        Unauthenticated: (error) => Effect.succeed(answered(401, error.message)),
        TooManyAttempts: (error) =>
          Effect.succeed(
            HttpServerResponse.setHeader(
              answered(429, error.message),
              "retry-after",
              String(error.retryAfterSeconds)
            )
          )
      })
    )

    const makeLink = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        const identity = yield* identify(request, settings, accounts)
        if (!isLocal(request, settings) || identity.name !== ADMIN_NAME)
          return answered(403, "Only the central's own machine, with its admin token, makes login links")
        const link = yield* accounts.makeLink
        return HttpServerResponse.jsonUnsafe({ path: `login?link=${Redacted.value(link)}` }, { status: 201 })
      },
      Effect.catchTags({
        SourceRefused: refused,
        RepositoryUnavailable: unavailable(answered(503, away)),
        Unauthenticated: (error) => Effect.succeed(answered(401, error.message))
      })
    )

    const enter = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        yield* checkSource(request, settings, false)
        const link = new URL(request.url, "http://central").searchParams.get("link")
        // what only looks ahead must not use the link up
        const ahead =
          request.method === "HEAD" || /prefetch|prerender/.test(request.headers["sec-purpose"] ?? "")
        if (link === null || ahead) return shown(200, loginPage())
        if (!isLocal(request, settings))
          return shown(403, loginPage("A login link is good on the central's own machine only"))
        const identity = yield* accounts.redeemLink(link)
        yield* note(identity, "log in by link", request)
        const session = yield* accounts.startSession(identity)
        return withSession(shown(200, enteredPage()), request, settings, Redacted.value(session))
      },
      Effect.catchTags({
        SourceRefused: (error) => Effect.succeed(shown(403, loginPage(error.message))),
        RepositoryUnavailable: unavailable(shown(503, loginPage(`Sorry, ${away}`))),
        Unauthenticated: (error) => Effect.succeed(shown(401, loginPage(error.message)))
      })
    )

    const logIn = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        yield* checkSource(request, settings, true)
        const form = yield* withLimit(readForm(request))
        const login = { user: form.get("username") ?? "", password: form.get("password") ?? "" }
        if (!fits(login)) return shown(400, loginPage("User and password, please"))
        const identity = yield* accounts.logIn(
          login.user,
          Redacted.make(login.password),
          addressOf(request, settings)
        )
        yield* note(identity, "log in", request)
        const session = yield* accounts.startSession(identity)
        const onwards = HttpServerResponse.redirect("./", { status: 303 })
        return withSession(onwards, request, settings, Redacted.value(session))
      },
      Effect.catchTags({
        SourceRefused: (error) => Effect.succeed(shown(403, loginPage(error.message))),
        RepositoryUnavailable: unavailable(shown(503, loginPage(`Sorry, ${away}`))),
        Unauthenticated: (error) => Effect.succeed(shown(401, loginPage(error.message))),
        TooManyAttempts: (error) => Effect.succeed(shown(429, loginPage(error.message)))
      })
    )

    const logOut = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        yield* checkSource(request, settings, true)
        yield* accounts.endSession(sessionOf(request))
        return withSession(HttpServerResponse.redirect("login", { status: 303 }), request, settings, "")
      },
      Effect.catchTags({ SourceRefused: refused, RepositoryUnavailable: unavailable(answered(503, away)) })
    )

    const add = (
      method: "GET" | "POST",
      path: `/${string}`,
      handler: (request: HttpServerRequest) => Effect.Effect<HttpServerResponse.HttpServerResponse>
    ) => router.add(method, path, (request) => Effect.map(handler(request), protect))
    yield* add("POST", "/auth/token", issueToken)
    yield* add("POST", "/auth/link", makeLink)
    yield* add("GET", "/login", enter)
    yield* add("POST", "/login", logIn)
    yield* add("POST", "/logout", logOut)
  })
)
