/** A certificate that Python accepts is accepted, and one that both should refuse is refused by both. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpTransport from "../../../src/platform/HttpTransport.ts"
import { certify } from "../../platform/certificates.ts"
import { httpsServer } from "../../platform/localServer.ts"

/** Says `ok`, or the error, of a request by Python's default context. */
const script = `
import ssl, sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], context=ssl.create_default_context()).read().decode())
except Exception as error:
    print(error)
`
const python = (url: string, env: Record<string, string>) =>
  Effect.callback<string>((done) => {
    const child = spawn("python3", ["-c", script, url], { env: { PATH: process.env["PATH"], ...env } })
    let said = ""
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text
    })
    child.once("error", (error) => done(Effect.die(error)))
    child.once("close", () => done(Effect.succeed(said.trim())))
  })

const ours = (url: string, env: Record<string, string>) =>
  HttpClient.get(url).pipe(
    Effect.flatMap((response) => response.text),
    Effect.provide(HttpTransport.layerOptions({ tls: true, env })),
    Effect.catch((error) => Effect.succeed(String(error)))
  )

const root = certify({ name: "test-only root", authority: true })
const middle = certify({ name: "test-only middle", authority: true, by: root })
const signed = (wanted: Parameters<typeof certify>[0]) => certify({ by: root, ...wanted })
const selfSigned = certify({ name: "self", hosts: ["localhost"] })
const past = new Date(Date.now() - 1000)

it.live.each([
  ["a chain", signed({ name: "x", hosts: ["localhost"], by: middle }), middle.cert, root.cert, "localhost"],
  ["a chain with its root", signed({ name: "x", hosts: ["localhost"] }), root.cert, root.cert, "localhost"],
  ["a self-signed one", selfSigned, "", selfSigned.cert, "localhost"],
  ["its own as authority", signed({ name: "x", hosts: ["localhost"] }), "", undefined, "localhost"],
  [
    "an intermediate as authority",
    signed({ name: "x", hosts: ["localhost"], by: middle }),
    "",
    middle.cert,
    "localhost"
  ],
  ["an address", signed({ name: "x", hosts: ["127.0.0.1"] }), "", root.cert, "127.0.0.1"],
  ["a common name", signed({ name: "localhost" }), "", root.cert, "localhost"],
  [
    "a common name beside an address",
    signed({ name: "localhost", hosts: ["10.0.0.1"] }),
    "",
    root.cert,
    "localhost"
  ],
  ["a common name that is an address", signed({ name: "127.0.0.1" }), "", root.cert, "127.0.0.1"],
  ["another name", signed({ name: "localhost", hosts: ["site.test"] }), "", root.cert, "localhost"],
  ["an old one", signed({ name: "x", hosts: ["localhost"], until: past }), "", root.cert, "localhost"],
  ["nobody's", signed({ name: "x", hosts: ["localhost"] }), "", selfSigned.cert, "localhost"]
] as const)("%s", ([, identity, chain, authority, host]) =>
  Effect.gen(function* () {
    const { port } = yield* httpsServer(
      { key: identity.key, cert: `${identity.cert}${chain}` },
      (_request, response) => {
        response.end("ok")
      }
    )
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const file = join(folder, "store.pem")
    writeFileSync(file, authority ?? identity.cert)
    const env = { SSL_CERT_FILE: file, SSL_CERT_DIR: folder }
    const url = `https://${host}:${port}/`
    const [theirs, mine] = [yield* python(url, env), yield* ours(url, env)]
    // Python trusts an intermediate or a server's own certificate from 3.13 on only.
    if (theirs !== "ok" && (authority === undefined || authority === middle.cert))
      expect(theirs).toContain("issuer")
    else
      expect([mine, theirs === "ok"]).toEqual([
        theirs === "ok" ? "ok" : expect.not.stringMatching(/^ok$/),
        mine === "ok"
      ])
  })
)
