/** A central on a real socket of this machine, over the store in memory, and requests to it word by word. */
import { connect } from "node:net"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose/jwt/sign"
import { Accounts } from "../../src/central/Accounts.ts"
import * as CentralServer from "../../src/central/CentralServer.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { Sweeper } from "../../src/central/Sweeper.ts"
import { Workers } from "../../src/central/Workers.ts"
import { CentralConfig, type CentralSettings } from "../../src/config/CentralConfig.ts"
import * as CentralHttp from "../../src/platform/CentralHttp.ts"
import { Credentials } from "../../src/platform/Credentials.ts"
import { SiteFiles } from "../../src/platform/SiteFiles.ts"
import { TaskTokens } from "../../src/platform/TaskTokens.ts"
import { TokenVerifier } from "../../src/platform/TokenVerifier.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"

const settings = testCentralSettings()
export const secret = Redacted.value(settings.jwtSecret)

/** The server, with its jobs and workers beside it. */
export const served = (
  changes: Partial<CentralSettings> = {},
  people: Parameters<typeof Credentials.layerMemory>[0] = {},
  store = RepositoryMemory.layer,
  files: { readonly variables?: string; readonly connections?: string } = {}
) =>
  CentralServer.layer.pipe(
    Layer.provideMerge([
      Workers.layer,
      Sweeper.layer,
      Accounts.layer,
      TokenVerifier.layer,
      CentralHttp.layer
    ]),
    Layer.provideMerge(Jobs.layer),
    Layer.provideMerge(store),
    Layer.provideMerge(
      TaskTokens.layer({
        secret: settings.jwtSecret,
        life: Duration.seconds(600),
        leeway: Duration.seconds(10)
      })
    ),
    Layer.provide([Credentials.layerMemory(people), SiteFiles.layerMemory(files)]),
    Layer.provideMerge(Layer.succeed(CentralConfig, testCentralSettings(changes)))
  )

/** Where it listens. */
export const port = Effect.map(HttpServer.HttpServer, ({ address }) => {
  if (address._tag === "UnixPathAddress") throw new Error("it listens on no port")
  return address.port
})

/** A token as a worker signs it, with what a test changes. */
export const sign = (
  method: string,
  changes: Readonly<Record<string, unknown>> = {},
  key = secret,
  alg = "HS512"
): Promise<string> => {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ jti: "1", aud: "api", iat: now, nbf: now, exp: now + 10, method, ...changes })
    .setProtectedHeader({ alg, typ: "JWT" })
    .sign(new TextEncoder().encode(key))
}

/** What came back. */
export interface Heard {
  readonly status: number
  readonly headers: string
  readonly text: string
  readonly json: unknown
}

/** Sends exactly these bytes and reads until the other side ends. */
export const raw = (port: number, request: string | ReadonlyArray<string>): Effect.Effect<Heard> =>
  Effect.promise(async () => {
    const socket = connect({ port, host: "127.0.0.1" })
    let heard = ""
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text
    })
    // A server that has heard enough may close while we still write.
    socket.on("error", () => {})
    for (const part of typeof request === "string" ? [request] : request) socket.write(part)
    // not events.once, which an error ends as well
    await new Promise((resolve) => socket.once("close", resolve))
    const [head = "", ...rest] = heard.split("\r\n\r\n")
    const text = rest.join("\r\n\r\n")
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0)
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      json = undefined
    }
    return { status, headers: head, text, json }
  })

/** One request with a body; `token`: `undefined` sends none. */
export const ask = (
  port: number,
  method: string,
  path: string,
  options: {
    readonly token?: string | undefined
    readonly body?: unknown
    readonly headers?: string
    readonly form?: boolean
  } = {}
): Effect.Effect<Heard> => {
  const body =
    options.body === undefined
      ? ""
      : typeof options.body === "string"
        ? options.body
        : JSON.stringify(options.body)
  const token = options.token === undefined ? "" : `Authorization: ${options.token}\r\n`
  return raw(
    port,
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/${options.form === true ? "x-www-form-urlencoded" : "json"}\r\n` +
      `${token}${options.headers ?? ""}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** The same with the token that the path needs. */
export const asWorker = (port: number, method: string, path: string, body?: unknown) =>
  Effect.flatMap(
    Effect.promise(() => sign(decodeURIComponent(path))),
    (token) => ask(port, method, `/edge_worker/v1/${path}`, { token, body })
  )

export const sysinfo = {
  airflow_version: "3.3.2",
  edge_provider_version: "5.1.0",
  concurrency: 4,
  free_concurrency: 4
}
