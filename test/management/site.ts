/** site: a site's web server that gives the answers of a test, and keeps what it was asked. */
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ManagementClient } from "../../src/management/ManagementClient.ts"
import { type Credential, ManagementConfig } from "../../src/management/ManagementConfig.ts"
import { SiteCredential } from "../../src/management/SiteCredential.ts"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { httpServer } from "../platform/localServer.ts"

/** One request as it came. */
export interface Asked {
  /** `GET /edge_worker/ui/worker?state=idle` */
  readonly line: string
  readonly authorization: string | undefined
  readonly body: string
}

/** What the site says: a status and a body that becomes JSON, or a text as it is. */
export type Said = readonly [status: number, body: unknown]

const bodyOf = async (request: IncomingMessage) => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

/** Starts it; `answer` sees each request. */
export const scriptedSite = (answer: (asked: Asked) => Said) =>
  Effect.gen(function* () {
    const asked: Array<Asked> = []
    const { port } = yield* httpServer((request, response) => {
      void bodyOf(request).then((body) => {
        const one = {
          line: `${request.method} ${request.url}`,
          authorization: request.headers.authorization,
          body
        }
        asked.push(one)
        const [status, said] = answer(one)
        const location = status >= 300 && status < 400 ? { location: "http://elsewhere.test/x?token=1" } : {}
        response.writeHead(status, { "content-type": "application/json", ...location })
        response.end(typeof said === "string" ? said : JSON.stringify(said))
      })
    })
    return { asked, url: `http://127.0.0.1:${port}` }
  })

/** The client of a site. */
export const clientOf = (url: string, credential: Credential) =>
  ManagementClient.layer.pipe(
    Layer.provide(SiteCredential.layer),
    Layer.provide(Layer.orDie(HttpTransport.layerOptions({ tls: false, env: {} }))),
    Layer.provide(
      Layer.succeed(ManagementConfig, {
        url: new URL(url),
        credential,
        apiSslCert: undefined,
        apiSslCaFile: undefined,
        clientSslCert: undefined,
        clientSslKey: undefined,
        clientUsePublicCerts: true,
        warnings: []
      })
    )
  )

/** A worker as Airflow lists it. */
export const listed = (worker_name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  worker_name,
  queues: ["default"],
  team_name: null,
  state: "idle",
  jobs_active: 0,
  sysinfo: { concurrency: 8, free_concurrency: 7, airflow_version: "3.3.2" },
  maintenance_comments: null,
  first_online: "2026-01-01T00:00:00Z",
  last_heartbeat: null,
  ...more
})
