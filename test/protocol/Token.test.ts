/** What a token says. The site's side of `methodClaim` is verified in test/airflow/protocol. */

import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { claims, methodClaim } from "../../src/protocol/Token.ts"

describe("claims", () => {
  const asked = { id: "abc", method: "worker/x", nowMillis: 1_700_000_000_999, lifeSeconds: 10 }

  it("whole seconds, valid from now on for the life", () => {
    expect(claims(asked)).toEqual({
      jti: "abc",
      aud: "api",
      nbf: 1_700_000_000,
      iat: 1_700_000_000,
      exp: 1_700_000_010,
      method: "worker/x"
    })
  })

  it("the issuer where one is set", () => {
    expect(claims({ ...asked, issuer: "us" })).toMatchObject({ iss: "us" })
    expect(claims({ ...asked, issuer: "" })).not.toHaveProperty("iss")
  })
})

describe("methodClaim", () => {
  it.each([
    ["worker/plain", "worker/plain"],
    ["/worker/plain", "worker/plain"],
    ["worker/sp%20ace", "worker/sp ace"],
    ["worker/%C3%BC", "worker/ü"],
    ["worker/100%25", "worker/100%"],
    ["worker/a%2520b", "worker/a%20b"],
    ["worker/what%3F", "worker/what%3F"],
    ["worker/no%231", "worker/no%231"],
    ["worker/back%5Cslash", "worker/back%5Cslash"],
    ["worker/a+b;c~d'e", "worker/a+b;c~d'e"],
    ["worker/ta%09b", "worker/tab"]
  ])("of %s is %s", (path, claim) => {
    expect(methodClaim(path)).toBe(claim)
  })

  it("has no character that would end a path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        expect(methodClaim(`worker/${encodeURIComponent(name)}`)).not.toMatch(/[?#\\]/)
      })
    )
  })
})
