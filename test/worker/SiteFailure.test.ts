/** What Node's errors mean, for those that no local server can cause. */
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { describe, expect, it } from "vitest"
import { failed, timedOut } from "../../src/worker/SiteFailure.ts"

const asked = {
  operation: "fetch",
  site: "https://site.test/edge_worker/v1/",
  sentMillis: 0,
  nowMillis: 0,
  leewayMillis: 0
}
const request = HttpClientRequest.get("https://site.test/")

const transport = (cause: Error) =>
  failed(
    new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) }),
    asked
  )

const nodeError = (
  fields: { readonly code: string; readonly [key: string]: unknown },
  message = "it failed"
) => Object.assign(new Error(message), fields)

describe("before anything was sent", () => {
  it.each([
    [{ code: "ENOTFOUND", syscall: "getaddrinfo" }, "the name of site.test cannot be resolved (ENOTFOUND)"],
    [{ code: "EAI_AGAIN", syscall: "getaddrinfo" }, "the name of site.test cannot be resolved (EAI_AGAIN)"],
    [
      { code: "EHOSTUNREACH", syscall: "connect", address: "10.0.0.1", port: 443 },
      "there is no route to 10.0.0.1:443"
    ],
    [{ code: "ENETUNREACH", syscall: "connect" }, "there is no route to site.test"],
    [
      { code: "ETIMEDOUT", syscall: "connect" },
      "no connection to site.test (ETIMEDOUT): a firewall may be in between"
    ],
    [{ code: "CERT_HAS_EXPIRED" }, "has expired"],
    [{ code: "CERT_NOT_YET_VALID" }, "check this machine's clock"],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "the certificate is not for site.test"],
    [{ code: "SELF_SIGNED_CERT_IN_CHAIN" }, "[api] ssl_ca_file"]
  ])("%j", (fields, reason) => {
    const error = transport(nodeError(fields))
    expect(error.reason).toContain(reason)
    expect(error.ambiguous).toBe(false)
  })

  it("refused at each address of a name", () => {
    const refused = (address: string) =>
      nodeError({ code: "ECONNREFUSED", syscall: "connect", address, port: 443 })
    const all = new AggregateError([refused("::1"), refused("127.0.0.1")])
    expect(transport(Object.assign(all, { code: "ECONNREFUSED" }))).toMatchObject({
      reason: expect.stringContaining("nothing listens at ::1:443"),
      ambiguous: false
    })
  })

  it("within the TLS handshake", () => {
    const message = "Client network socket disconnected before secure TLS connection was established"
    expect(transport(nodeError({ code: "ECONNRESET" }, message))).toMatchObject({
      reason: "site.test closed the connection during the TLS handshake",
      ambiguous: false
    })
  })

  it("a URL that is none", () => {
    const reason = new HttpClientError.InvalidUrlError({ request })
    expect(failed(new HttpClientError.HttpClientError({ reason }), asked)).toMatchObject({ ambiguous: false })
  })
})

describe("after it may have been sent", () => {
  it.each(["ECONNRESET", "EPIPE", "ETIMEDOUT", ""])("%j", (code) => {
    expect(transport(nodeError({ code, syscall: "read" }))).toMatchObject({
      reason: expect.stringContaining("broke before the answer came"),
      ambiguous: true
    })
  })

  it("answered by something that does not speak HTTP", () => {
    expect(
      transport(nodeError({ code: "HPE_INVALID_CONSTANT" }, "Parse Error: Expected HTTP/"))
    ).toMatchObject({
      reason: "what answers at site.test does not speak HTTP (HPE_INVALID_CONSTANT)",
      ambiguous: true
    })
  })

  it("answered, and broken off", () => {
    const response = HttpClientResponse.fromWeb(request, new Response())
    const reason = new HttpClientError.DecodeError({ request, response })
    expect(failed(new HttpClientError.HttpClientError({ reason }), asked)).toMatchObject({
      reason: "the answer from site.test broke off, or is too large",
      ambiguous: true
    })
  })

  it("not answered in time", () => {
    expect(timedOut(asked, 60)).toMatchObject({
      reason: "no answer from https://site.test/edge_worker/v1/ within 60 s",
      ambiguous: true
    })
  })
})
