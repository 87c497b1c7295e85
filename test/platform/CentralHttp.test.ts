/** Where the central listens, and for whom. */

import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { request } from "node:https"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import * as CentralHttp from "../../src/platform/CentralHttp.ts"
import { addressBehind, isLoopback, trustedPeers } from "../../src/platform/TrustedPeers.ts"
import { testCentralSettings } from "../../src/testing/centralSettings.ts"
import { port, raw, served } from "../central/served.ts"
import { certify } from "./certificates.ts"

const refused = (changes: Parameters<typeof testCentralSettings>[0]) =>
  Layer.build(
    // Another one, where the test has one already.
    Layer.fresh(CentralHttp.layer).pipe(
      Layer.provide(Layer.succeed(CentralConfig, testCentralSettings(changes)))
    )
  ).pipe(
    Effect.scoped,
    Effect.flip,
    Effect.map((error) => error.message)
  )

const health = "GET /edge_worker/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

describe("the central's socket", () => {
  it.live("is not opened to other machines in the clear", () =>
    Effect.gen(function* () {
      for (const host of ["0.0.0.0", "::", "10.0.0.1", "central.example"])
        assert.match(yield* refused({ host }), /can be reached from other machines/)
      assert.match(yield* refused({ trustedProxy: ["nobody"] }), /no address and no network: nobody/)
    })
  )

  it.live("says why it cannot be opened", () =>
    Effect.gen(function* () {
      const at = yield* port
      assert.match(yield* refused({ port: at }), /another program listens there/)
      assert.match(yield* refused({ tlsCert: "/none/cert", tlsKey: "/none/key" }), /tls_cert cannot be read/)
    }).pipe(Effect.provide(served()))
  )

  it.live("behind a proxy is open to that one only", () =>
    Effect.gen(function* () {
      const answered = (trustedProxy: ReadonlyArray<string>) =>
        Effect.flatMap(port, (at) => raw(at, health)).pipe(
          Effect.provide(served({ host: "0.0.0.0", trustedProxy })),
          Effect.map(({ status }) => status)
        )
      assert.strictEqual(yield* answered(["127.0.0.0/8"]), 200)
      assert.strictEqual(yield* answered(["10.0.0.1", "fd00::/8"]), 0)
    })
  )

  it.live("is open to so many connections, and to others as soon as one of them ends", () =>
    Effect.gen(function* () {
      const at = yield* port
      const [one, two] = [connect({ port: at, host: "127.0.0.1" }), connect({ port: at, host: "127.0.0.1" })]
      yield* Effect.promise(() => Promise.all([once(one, "connect"), once(two, "connect")]))
      assert.strictEqual((yield* raw(at, health)).status, 0)
      one.destroy()
      yield* Effect.repeat(raw(at, health), { until: ({ status }) => status === 200 })
      two.destroy()
    }).pipe(Effect.provide(served({ maxConnections: 2 })))
  )

  it.live("speaks TLS with the certificate that is named", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "central-tls-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const own = certify({ name: "localhost", hosts: ["localhost", "127.0.0.1"] })
      const [tlsCert, tlsKey] = [join(folder, "cert.pem"), join(folder, "key.pem")]
      writeFileSync(tlsCert, own.cert)
      writeFileSync(tlsKey, own.key)
      const status = yield* Effect.flatMap(port, (at) =>
        Effect.callback<number | undefined>((resume) => {
          request(
            { port: at, host: "127.0.0.1", path: "/edge_worker/v1/health", ca: own.cert },
            (response) => {
              response.resume()
              resume(Effect.succeed(response.statusCode))
            }
          ).end()
        })
      ).pipe(Effect.provide(served({ host: "0.0.0.0", tlsCert, tlsKey })))
      assert.strictEqual(status, 200)
      writeFileSync(tlsKey, "no key")
      assert.match(yield* refused({ tlsCert, tlsKey }), /tls_cert and tls_key/)
    }).pipe(Effect.scoped)
  )
})

describe("an address", () => {
  it("is of this machine, or it is not", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1"]) assert.isTrue(isLoopback(host), host)
    for (const host of ["0.0.0.0", "127.0.0.1.evil.test", "::", "localhost.evil.test", "10.0.0.1"])
      assert.isFalse(isLoopback(host), host)
  })
  it("is what the outermost proxy has heard, not what somebody wrote before it", () => {
    const behind = (peer: string, forwarded?: string) => addressBehind(["10.0.0.0/8", "::1"], peer, forwarded)
    assert.strictEqual(behind("10.0.0.2", "127.0.0.1, 198.51.100.7"), "198.51.100.7")
    assert.strictEqual(behind("::ffff:10.0.0.2", "198.51.100.7, 10.0.0.9"), "198.51.100.7")
    assert.strictEqual(behind("::1", "2001:db8::1"), "2001:db8::1")
    assert.strictEqual(behind("192.0.2.1", "198.51.100.7"), "192.0.2.1")
    for (const nothing of [undefined, "", "unknown", "10.0.0.3", "<script>"])
      assert.strictEqual(behind("10.0.0.2", nothing), "10.0.0.2")
    assert.strictEqual(addressBehind([], "127.0.0.1", "198.51.100.7"), "127.0.0.1")
  })
  it("is one of the proxy's", () => {
    const peers = trustedPeers(["10.0.0.2", "192.168.0.0/24", "fd00::/64"])
    assert.isTrue("accepts" in peers)
    if (!("accepts" in peers)) return
    for (const one of ["10.0.0.2", "::ffff:10.0.0.2", "192.168.0.77", "fd00::9"])
      assert.isTrue(peers.accepts(one), one)
    for (const one of ["10.0.0.3", "192.168.1.1", "::ffff:10.0.0.3", "fd00:1::1", "", undefined])
      assert.isFalse(peers.accepts(one), one)
    assert.deepStrictEqual(trustedPeers(["10.0.0.0/33", "a", "1.2.3.4/8/9", "10.0.0.1"]), {
      wrong: ["10.0.0.0/33", "a", "1.2.3.4/8/9"]
    })
  })
})
