/** The routes of people without a socket, over the store in memory, with a few people whose token is their name. */
import { Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Accounts, type Identity, Unauthenticated } from "../../src/central/Accounts.ts"
import type { Jobs } from "../../src/central/Jobs.ts"
import * as PeopleRoutes from "../../src/central/PeopleRoutes.ts"
import { Repository } from "../../src/central/Repository.ts"
import { Workers } from "../../src/central/Workers.ts"
import { CentralConfig, type CentralSettings } from "../../src/config/CentralConfig.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { jobsLayer } from "./jobsHarness.ts"

const people: Readonly<Record<string, Identity>> = {
  vera: { name: "vera", roles: new Set(["view"]) },
  olga: { name: "olga", roles: new Set(["view", "operate"]) },
  otto: { name: "otto", roles: new Set(["operate"]) },
  sue: { name: "sue", roles: new Set(["submit"]) }
}

const mocked = Layer.mock(Accounts)({
  authenticate: ({ value }) => {
    const known = people[Redacted.value(value)]
    return known === undefined
      ? Effect.fail(new Unauthenticated({ reason: "Not logged in, or no longer" }))
      : Effect.succeed(known)
  }
})

/** What a request says; `as`: whose session, `token`: whose token. */
export interface Ask {
  readonly as?: string
  readonly token?: string
  readonly host?: string
  readonly origin?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string | ReadonlyArray<string>>>
}

/** The routes, and the services behind them. */
export const peopleSite = (
  changes: Partial<CentralSettings> = {},
  accounts: Layer.Layer<Accounts> = mocked
) => {
  const config = Layer.succeed(CentralConfig, testCentralSettings(changes))
  const runtime = ManagedRuntime.make(
    Workers.layer.pipe(
      Layer.provideMerge(jobsLayer(changes)),
      Layer.provideMerge([config, accounts, Logger.layer([])])
    )
  )
  const services = Layer.effectContext(runtime.contextEffect)
  const server = HttpRouter.toWebHandler(
    PeopleRoutes.layer.pipe(Layer.provide(services), Layer.provide(HttpServer.layerServices)),
    { disableLogger: true }
  )
  const form = (fields: NonNullable<Ask["form"]>) => {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(fields))
      for (const one of typeof value === "string" ? [value] : value) search.append(name, one)
    return search.toString()
  }
  const call = async (method: string, path: string, ask: Ask = {}) => {
    const host = ask.host ?? "localhost:8080"
    const headers: Record<string, string> = { host, ...ask.headers }
    if (ask.as !== undefined) headers["cookie"] = `edge_central_8080=${ask.as}`
    if (ask.token !== undefined) headers["authorization"] = `Bearer ${ask.token}`
    if (ask.origin !== null && (ask.origin !== undefined || (method !== "GET" && ask.as !== undefined)))
      headers["origin"] = ask.origin ?? `http://${host}`
    if (ask.json !== undefined) headers["content-type"] = "application/json"
    if (ask.form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded"
    const body =
      ask.form === undefined ? (ask.json === undefined ? null : JSON.stringify(ask.json)) : form(ask.form)
    const response = await server.handler(new Request(`http://${host}${path}`, { method, headers, body }))
    const text = await response.text()
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      json = undefined
    }
    return { status: response.status, headers: response.headers, text, json }
  }
  return {
    call,
    run: <A, E>(effect: Effect.Effect<A, E, Workers | Jobs | Repository | Accounts>) =>
      runtime.runPromise(effect),
    audits: () => runtime.runPromise(Repository.use((repository) => repository.audits(100))),
    dispose: async () => {
      await server.dispose()
      await runtime.dispose()
    }
  }
}
