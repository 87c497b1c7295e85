/** HttpTransport: effect's HttpClient over node:http(s) with kept connections, proxies, and Python's idea of trust. */

import type { AgentOptions } from "node:https"
import type { SecureContext } from "node:tls"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../config/EdgeConfig.ts"
import * as HttpExchange from "./HttpExchange.ts"
import { IdleLimit } from "./IdleLimit.ts"
import { connectTimeout, guard, keepAliveOptions } from "./KeepAliveAgent.ts"
import { CertificateFileError, type NamedFiles, trusted } from "./TrustedCertificates.ts"

/** What a transport is made from. */
export interface TransportOptions {
  /** Whether TLS is spoken at all: the certificates are read only then. */
  readonly tls: boolean
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY (both cases), SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Files with further trusted certificates. */
  readonly authorities?: NamedFiles | undefined
  /** Whether Node's copy of the public authorities serves where this machine has no store at all (a slim image). */
  readonly publicAuthorities?: boolean | undefined
  /** Our own certificate and its key, PEM files; both or none. */
  readonly clientCertificate?: string | undefined
  readonly clientKey?: string | undefined
  /** How long making a connection may take, in milliseconds. */
  readonly connectMillis?: number | undefined
}

// Loaded so, and not imported: as ES modules they would load Node's own undici too.
const http = () => process.getBuiltinModule("node:http")
const https = () => process.getBuiltinModule("node:https")
const tls = () => process.getBuiltinModule("node:tls")

const problem = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const clientFiles = (options: TransportOptions) => {
  const { clientCertificate: cert, clientKey: key } = options
  if (cert !== undefined && key !== undefined) {
    return Effect.all({
      cert: read("[api] client_ssl_cert", cert),
      key: read("[api] client_ssl_key", key)
    })
  }
  const alone = cert ?? key
  if (alone === undefined) return Effect.succeed({})
  const [set, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"]
  return new CertificateFileError({
    setting: `[api] client_ssl_${set}`,
    path: alone,
    problem: `a client certificate needs both files: set [api] client_ssl_${missing} too, or none of them`
  })
}

const read = (setting: string, path: string) =>
  Effect.tryPromise({
    try: () => process.getBuiltinModule("node:fs/promises").readFile(path),
    catch: (cause) =>
      new CertificateFileError({ setting, path, problem: `it cannot be read (${problem(cause)})` })
  })

/** The context that Python's `ssl.create_default_context` would make: an intermediate in the store is trusted too. */
const secureContext = Effect.fnUntraced(function* (options: TransportOptions) {
  const system = Effect.sync(() => tls().getCACertificates("system"))
  const found = yield* trusted(options.env, options.authorities ?? [], system)
  const ca = found.length === 0 && options.publicAuthorities ? tls().getCACertificates("bundled") : found
  const client = yield* clientFiles(options)
  const make = (authorities: ReadonlyArray<string>) =>
    tls().createSecureContext({ ca: [...authorities], ...client, allowPartialTrustChain: true })
  return yield* Effect.try({
    try: (): SecureContext => make(ca),
    catch: problem
  }).pipe(
    // One certificate of the store that OpenSSL cannot read must not cost us all others.
    Effect.catch(() => Effect.try({ try: () => make(ca.filter(isCertificate)), catch: problem })),
    Effect.mapError(
      (reason) =>
        new CertificateFileError({
          setting: "[api] client_ssl_cert and client_ssl_key",
          path: `${options.clientCertificate} and ${options.clientKey}`,
          problem: `they cannot be used together (${reason})`
        })
    )
  )
})

const isCertificate = (pem: string): boolean => {
  try {
    return new (process.getBuiltinModule("node:crypto").X509Certificate)(pem).validFrom !== ""
  } catch {
    return false
  }
}

const agents = Effect.fnUntraced(function* (options: TransportOptions) {
  const shared: AgentOptions = {
    ...keepAliveOptions,
    maxSockets: 16,
    proxyEnv: { ...options.env },
    // Node's own 250 ms for each address of a name is too short for a slow link.
    autoSelectFamilyAttemptTimeout: 1000
  }
  const context = options.tls ? yield* secureContext(options) : undefined
  const secure = context === undefined ? shared : { ...shared, secureContext: context }
  const millis = options.connectMillis ?? connectTimeout
  return yield* Effect.acquireRelease(
    Effect.try({
      try: () => ({
        http: guard(new (http().Agent)(shared), new IdleLimit(), millis),
        https: guard(new (https().Agent)(secure), new IdleLimit(), millis)
      }),
      catch: () =>
        new CertificateFileError({
          setting: "HTTP_PROXY or HTTPS_PROXY",
          path: "the proxy",
          problem: "it is not a URL like http://host:port"
        })
    }),
    ({ http, https }) =>
      Effect.sync(() => {
        http.destroy()
        https.destroy()
      })
  )
})

/** An HttpClient that follows no redirect (it would hand the token to another address). */
export const layerOptions = (
  options: TransportOptions
): Layer.Layer<HttpClient.HttpClient, CertificateFileError> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const made = yield* agents(options)
      const full = yield* Effect.provideService(NodeHttpClient.makeNodeHttp, NodeHttpClient.HttpAgent, made)
      return HttpExchange.make(made, full)
    })
  )

/** What the configuration says of the connections to a site at `apiUrl`. */
export type TransportSettings = Pick<
  EdgeSettings,
  "apiUrl" | "apiSslCert" | "apiSslCaFile" | "clientSslCert" | "clientSslKey" | "clientUsePublicCerts"
>

/** The transport that these settings and this process's environment describe. */
export const layerOf = (
  config: TransportSettings
): Layer.Layer<HttpClient.HttpClient, CertificateFileError> => {
  const { env } = process
  const proxy = env.HTTP_PROXY ?? env.http_proxy ?? ""
  return layerOptions({
    tls: config.apiUrl.protocol === "https:" || proxy.startsWith("https:"),
    env,
    authorities: [
      ["[api] ssl_cert", config.apiSslCert],
      ["[api] ssl_ca_file", config.apiSslCaFile]
    ],
    publicAuthorities: config.clientUsePublicCerts,
    clientCertificate: config.clientSslCert || undefined,
    clientKey: config.clientSslKey || undefined
  })
}

/** The transport that the worker's configuration and this process's environment describe. */
export const layer: Layer.Layer<HttpClient.HttpClient, CertificateFileError, EdgeConfig> = Layer.unwrap(
  Effect.map(EdgeConfig, layerOf)
)
