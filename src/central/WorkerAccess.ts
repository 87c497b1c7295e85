/** WorkerAccess: who may call the Edge API as which worker, and what they hear when they may not. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../config/CentralConfig.ts"
import type { WorkerRule } from "../config/workerRules.ts"
import { type TokenClaims, TokenVerifier } from "../platform/TokenVerifier.ts"
import { EdgeToken, Forbidden } from "../protocol/EdgeApi.ts"
import { methodClaim } from "../protocol/Token.ts"
import { answered } from "./Answer.ts"

/** What a call is about, as far as rules look at it; what is not given is not looked at. */
export interface Intent {
  readonly name: string
  readonly team?: string | null
  readonly queues?: ReadonlyArray<string> | null
}

/**
 * A pattern with `*` and `?` that stand for other characters. By hand: the name is the caller's, and a regular expression
 * with several stars takes minutes to find out that a long one does not fit.
 */
export const glob = (pattern: string): ((text: string) => boolean) => {
  const wanted = [...pattern]
  return (text) => {
    const given = [...text]
    let [at, place] = [0, 0]
    /** The last star, and where the text that it stands for ends so far. */
    let star: readonly [at: number, upTo: number] | undefined
    while (place < given.length) {
      if (wanted[at] === "*") {
        star = [at, place]
        at += 1
      } else if (at < wanted.length && (wanted[at] === "?" || wanted[at] === given[place])) {
        at += 1
        place += 1
      } else if (star !== undefined) {
        star = [star[0], star[1] + 1]
        at = star[0] + 1
        place = star[1]
      } else return false
    }
    return wanted.slice(at).every((character) => character === "*")
  }
}

const claimed = (claims: TokenClaims, claim: string): ReadonlyArray<string> => {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string")
}

/** Whether one of the rules lets an identity do it. */
export const allows =
  (rules: ReadonlyArray<WorkerRule>, claims: TokenClaims) =>
  ({ name, queues, team }: Intent): boolean =>
    rules.some(
      (rule) =>
        claimed(claims, rule.claim).some(glob(rule.value)) &&
        glob(rule.names)(name) &&
        (rule.teams === undefined || team === undefined || (team !== null && rule.teams.includes(team))) &&
        (rule.queues === undefined ||
          queues === undefined ||
          // None is every queue.
          (queues !== null && queues.length > 0 && queues.every((queue) => rule.queues?.includes(queue))))
    )

/** What the caller of a request may do. Without rules whoever has a good token may be any worker, as in Airflow. */
export const Grant = Context.Reference<{
  readonly allows: (intent: Intent) => boolean
  /** Whether there is anything that it may not. */
  readonly limited: boolean
}>("edge-worker/central/WorkerAccess/Grant", { defaultValue: () => ({ allows: () => false, limited: true }) })

/** Says why in the log, and to the caller only how to find it there (Airflow's own text). */
const forbidden = Effect.fnUntraced(function* (reason: string) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const id = globalThis.crypto.randomUUID()
  yield* Effect.logWarning(`refused ${request.method} ${request.url.slice(0, 500)}: ${reason} error_id=${id}`)
  return yield* new Forbidden({
    detail: `Forbidden. The server side traceback may be identified with error_id=${id}`
  })
})

/** Fails where the caller may not do it. */
export const authorize = Effect.fnUntraced(function* (intent: Intent) {
  const grant = yield* Grant
  if (!grant.allows(intent))
    return yield* forbidden(`[edge_central] worker_rules let this identity not do ${JSON.stringify(intent)}`)
})

const prefix = "/edge_worker/v1/"

/** The `method` of a request as Airflow takes it from its path (`worker_api/auth.py`); `undefined` where it is no path. */
export const methodOf = (url: string): string | undefined => {
  const path = url.replace(/[?#].*$/s, "")
  const at = path.indexOf(prefix)
  try {
    return methodClaim(at < 0 ? path : path.slice(at + prefix.length))
  } catch {
    return undefined
  }
}

/** The Edge API's check of its tokens. */
export const layer = Layer.effect(
  EdgeToken,
  Effect.gen(function* () {
    const verifier = yield* TokenVerifier
    const { oidc } = yield* CentralConfig
    return EdgeToken.of({
      token: Effect.fnUntraced(function* (next, { credential }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        const method = methodOf(request.url)
        if (method === undefined) return yield* forbidden("the path is not encoded as a path")
        const now = yield* Clock.currentTimeMillis
        const verified = yield* Effect.result(verifier.verify(credential, method, now))
        if (verified._tag === "Failure") {
          if (verified.failure._tag === "TokenRefused") return yield* forbidden(verified.failure.message)
          yield* Effect.logError(verified.failure.message)
          return answered(503, "the identity provider does not answer")
        }
        const rules = oidc?.rules ?? []
        const grant =
          rules.length === 0
            ? { allows: () => true, limited: false }
            : { allows: allows(rules, verified.success), limited: true }
        return yield* Effect.provideService(next, Grant, grant)
      })
    })
  })
)
