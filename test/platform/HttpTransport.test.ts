/** The transport over real sockets: kept connections, trust, client certificates, proxies, time limits. */

import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as HttpTransport from "../../src/platform/HttpTransport.ts"
import { certify } from "./certificates.ts"
import { httpServer, httpsServer } from "./localServer.ts"

/** An environment in which nothing of this machine is trusted. */
const bare = { SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nowhere" }

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const file = (name: string, text: string) =>
  Effect.map(folder, (path) => {
    const at = join(path, name)
    writeFileSync(at, text)
    return at
  })

const get = (url: string, options: Partial<HttpTransport.TransportOptions> = {}) =>
  Effect.gen(function* () {
    const response = yield* HttpClient.get(url)
    return yield* response.text
  }).pipe(
    Effect.provide(HttpTransport.layerOptions({ tls: url.startsWith("https:"), env: bare, ...options }))
  )

/** The code of the Node error behind a failed request. */
const codeOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const cause = error instanceof Error ? error.cause : undefined
    return cause instanceof Error && "code" in cause ? cause.code : String(error)
  })

const root = certify({ name: "test-only root", authority: true })
const middle = certify({ name: "test-only middle", authority: true, by: root })
const leaf = certify({ name: "leaf", hosts: ["localhost", "127.0.0.1"], by: middle })
const selfSigned = certify({ name: "self", hosts: ["localhost"] })

const greeting = (identity: { readonly cert: string; readonly key: string }, chain = "") =>
  httpsServer({ key: identity.key, cert: `${identity.cert}${chain}` }, (_request, response) => {
    response.end("hello")
  })

describe("connections", () => {
  it.live("20 calls use one", () =>
    Effect.gen(function* () {
      const server = yield* httpServer((_request, response) => response.end("ok"))
      yield* Effect.gen(function* () {
        for (let call = 0; call < 20; call++) {
          const response = yield* HttpClient.get(`http://127.0.0.1:${server.port}/`)
          expect(yield* response.text).toBe("ok")
        }
      }).pipe(Effect.provide(HttpTransport.layerOptions({ tls: false, env: {} })))
      expect(server.connections()).toBe(1)
    })
  )

  it.live("20 calls over TLS use one", () =>
    Effect.gen(function* () {
      const server = yield* greeting(leaf, middle.cert)
      const ca = yield* file("ca.pem", root.cert)
      yield* Effect.gen(function* () {
        for (let call = 0; call < 20; call++) {
          const response = yield* HttpClient.get(`https://localhost:${server.port}/`)
          expect(yield* response.text).toBe("hello")
        }
      }).pipe(
        Effect.provide(
          HttpTransport.layerOptions({ tls: true, env: bare, authorities: [["[api] ssl_ca_file", ca]] })
        )
      )
      expect(server.connections()).toBe(1)
    })
  )

  it.live("are closed with the layer", () =>
    Effect.gen(function* () {
      const server = yield* httpServer((_request, response) => response.end("ok"))
      const closed = Effect.promise(async () => {
        const [socket] = await once(server.server, "connection")
        await once(socket, "close")
      })
      yield* Effect.all([closed, get(`http://127.0.0.1:${server.port}/`)], { concurrency: 2 })
    })
  )

  it.live("a redirect is not followed", () =>
    Effect.gen(function* () {
      const server = yield* httpServer((request, response) => {
        if (request.url === "/") response.writeHead(307, { location: "/elsewhere" })
        response.end(request.url)
      })
      expect(yield* get(`http://127.0.0.1:${server.port}/`)).toBe("/")
    })
  )
})

describe("trust", () => {
  it.live.each([
    ["a root", { authority: root.cert, identity: leaf, chain: middle.cert, host: "localhost" }],
    [
      "an address in the certificate",
      { authority: root.cert, identity: leaf, chain: middle.cert, host: "127.0.0.1" }
    ],
    ["an intermediate alone", { authority: middle.cert, identity: leaf, chain: "", host: "localhost" }],
    ["the server's own certificate", { authority: leaf.cert, identity: leaf, chain: "", host: "localhost" }],
    [
      "a self-signed certificate",
      { authority: selfSigned.cert, identity: selfSigned, chain: "", host: "localhost" }
    ],
    [
      "a certificate with a common name only",
      {
        authority: root.cert,
        identity: certify({ name: "localhost", by: root }),
        chain: "",
        host: "localhost"
      }
    ]
  ] as const)("%s", ([, { authority, chain, host, identity }]) =>
    Effect.gen(function* () {
      const server = yield* greeting(identity, chain)
      const ca = yield* file("ca.pem", `comments are no harm\n${authority}`)
      const body = yield* get(`https://${host}:${server.port}/`, { authorities: [["[api] ssl_cert", ca]] })
      expect(body).toBe("hello")
    })
  )

  it.live.each([
    [
      "nothing that is trusted",
      { identity: leaf, host: "localhost", code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }
    ],
    [
      "another self-signed one",
      { identity: selfSigned, host: "localhost", code: "DEPTH_ZERO_SELF_SIGNED_CERT" }
    ],
    [
      "an expired one",
      {
        identity: certify({
          name: "localhost",
          hosts: ["localhost"],
          by: root,
          until: new Date(Date.now() - 1000)
        }),
        host: "localhost",
        code: "CERT_HAS_EXPIRED"
      }
    ],
    [
      "one of tomorrow",
      {
        identity: certify({
          name: "localhost",
          hosts: ["localhost"],
          by: root,
          from: new Date(Date.now() + 1e7)
        }),
        host: "localhost",
        code: "CERT_NOT_YET_VALID"
      }
    ],
    [
      "one for another name",
      {
        identity: certify({ name: "localhost", hosts: ["site.test"], by: root }),
        host: "localhost",
        code: "ERR_TLS_CERT_ALTNAME_INVALID"
      }
    ],
    [
      "an address that stands only in the common name",
      {
        identity: certify({ name: "127.0.0.1", by: root }),
        host: "127.0.0.1",
        code: "ERR_TLS_CERT_ALTNAME_INVALID"
      }
    ]
  ] as const)("not %s", ([, { code, host, identity }]) =>
    Effect.gen(function* () {
      const server = yield* greeting(identity)
      const ca = yield* file("ca.pem", root.cert)
      const options =
        identity === leaf || identity === selfSigned ? {} : { authorities: [["x", ca]] as const }
      expect(yield* codeOf(get(`https://${host}:${server.port}/`, options))).toBe(code)
    })
  )

  it.live("SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS add up", () =>
    Effect.gen(function* () {
      const others = [1, 2, 3].map((number) => certify({ name: `test-only root ${number}`, authority: true }))
      const [one, two, three] = others
      const path = yield* folder
      writeFileSync(join(path, "file.pem"), one?.cert ?? "")
      // Only a name like this is found by OpenSSL.
      writeFileSync(join(path, "0a1b2c3d.0"), two?.cert ?? "")
      writeFileSync(join(path, "extra.pem"), three?.cert ?? "")
      const env = {
        SSL_CERT_FILE: join(path, "file.pem"),
        SSL_CERT_DIR: `/nowhere:${path}`,
        NODE_EXTRA_CA_CERTS: join(path, "extra.pem")
      }
      for (const by of others) {
        const server = yield* greeting(certify({ name: "x", hosts: ["localhost"], by }))
        expect(yield* get(`https://localhost:${server.port}/`, { env })).toBe("hello")
      }
    })
  )

  it.live("a broken certificate in the store costs only itself", () =>
    Effect.gen(function* () {
      const server = yield* greeting(leaf, middle.cert)
      const junk = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
      const ca = yield* file("ca.pem", `${junk}${root.cert}`)
      expect(yield* get(`https://localhost:${server.port}/`, { authorities: [["x", ca]] })).toBe("hello")
    })
  )
})

describe("files of the configuration", () => {
  it.live("a missing one is named with its setting", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        get("https://localhost/", { authorities: [["[api] ssl_ca_file", "/nowhere/ca.pem"]] })
      )
      expect(String(error)).toContain("[api] ssl_ca_file names /nowhere/ca.pem: it cannot be read (ENOENT")
    })
  )

  it.live("one without a certificate is named with its setting", () =>
    Effect.gen(function* () {
      const ca = yield* file("ca.pem", "nothing")
      const error = yield* Effect.flip(get("https://localhost/", { authorities: [["[api] ssl_cert", ca]] }))
      expect(String(error)).toContain(`[api] ssl_cert names ${ca}: it has no PEM certificate in it`)
    })
  )

  it.live("half a client certificate is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(get("https://localhost/", { clientCertificate: "/some.crt" }))
      expect(String(error)).toContain("set [api] client_ssl_key too")
    })
  )

  it.live("are not read where no TLS is spoken", () =>
    Effect.gen(function* () {
      const server = yield* httpServer((_request, response) => response.end("ok"))
      const options = {
        authorities: [["[api] ssl_ca_file", "/nowhere/ca.pem"]] as const,
        clientCertificate: "/x"
      }
      expect(yield* get(`http://127.0.0.1:${server.port}/`, options)).toBe("ok")
    })
  )
})

describe("client certificates", () => {
  const client = certify({ name: "client", by: root })
  const server = httpsServer(
    {
      key: selfSigned.key,
      cert: selfSigned.cert,
      ca: [root.cert],
      requestCert: true,
      rejectUnauthorized: true
    },
    (_request, response) => response.end("hello client")
  )

  it.live("are shown", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      const body = yield* get(`https://localhost:${port}/`, {
        authorities: [["x", yield* file("ca.pem", selfSigned.cert)]],
        clientCertificate: yield* file("client.crt", client.cert),
        clientKey: yield* file("client.key", client.key)
      })
      expect(body).toBe("hello client")
    })
  )

  it.live("a key of another certificate is refused at once", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        get("https://localhost/", {
          clientCertificate: yield* file("client.crt", client.cert),
          clientKey: yield* file("client.key", leaf.key)
        })
      )
      expect(String(error)).toContain("they cannot be used together")
      expect(String(error)).not.toContain("PRIVATE KEY")
    })
  )
})

describe("proxies", () => {
  /** A proxy that writes down what it was asked for, and passes everything on. */
  const proxy = Effect.gen(function* () {
    const asked: Array<string> = []
    const local = yield* httpServer((request, response) => {
      asked.push(`${request.headers["proxy-authorization"] ?? "-"} ${request.method} ${request.url}`)
      response.end("from the proxy")
    })
    local.server.on("connect", (request, socket) => {
      asked.push(`${request.headers["proxy-authorization"] ?? "-"} CONNECT ${request.url}`)
      const port = Number(request.url?.split(":")[1])
      const upstream = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        upstream.pipe(socket)
        socket.pipe(upstream)
      })
      upstream.on("error", () => socket.destroy())
      socket.on("error", () => upstream.destroy())
    })
    return { ...local, asked }
  })

  it.live.each(["HTTP_PROXY", "http_proxy"])("%s", (name) =>
    Effect.gen(function* () {
      const { asked, port } = yield* proxy
      const env = { [name]: `http://127.0.0.1:${port}` }
      expect(yield* get("http://site.test/worker/x", { env })).toBe("from the proxy")
      expect(asked).toEqual(["- GET http://site.test/worker/x"])
    })
  )

  it.live.each(["HTTPS_PROXY", "https_proxy"])("%s, with credentials", (name) =>
    Effect.gen(function* () {
      const { asked, port } = yield* proxy
      const site = yield* greeting(certify({ name: "x", hosts: ["site.test"], by: root }))
      const ca = yield* file("ca.pem", root.cert)
      const env = { ...bare, [name]: `http://me:secret@127.0.0.1:${port}` }
      const url = `https://site.test:${site.port}/`
      expect(yield* get(url, { env, authorities: [["x", ca]] })).toBe("hello")
      expect(asked).toEqual([
        `Basic ${Buffer.from("me:secret").toString("base64")} CONNECT site.test:${site.port}`
      ])
    })
  )

  it.live.each(["NO_PROXY", "no_proxy"])("%s", (name) =>
    Effect.gen(function* () {
      const { asked, port } = yield* proxy
      const site = yield* httpServer((_request, response) => response.end("direct"))
      const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, [name]: "127.0.0.1,site.test" }
      expect(yield* get(`http://127.0.0.1:${site.port}/`, { env })).toBe("direct")
      expect(asked).toEqual([])
    })
  )

  it.live("one that is no URL is refused at once, without its credentials", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.flip(
        Layer.build(HttpTransport.layerOptions({ tls: false, env: { HTTP_PROXY: "http://me:secret@:bad:" } }))
      )
      expect(exit.message).toContain("it is not a URL like http://host:port")
      expect(exit.message).not.toContain("secret")
    })
  )
})
