import { describe, expect, it } from "vitest"
import { expiryOf, lifeOf } from "../../src/protocol/TokenExpiry.ts"

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
const token = (claims: unknown) => `${part({ alg: "HS512" })}.${part(claims)}.signature`

describe("TokenExpiry", () => {
  it("reads the end and the life of a token", () => {
    const both = token({ sub: "é", exp: 1_800_000_600, iat: 1_800_000_000 })
    expect(expiryOf(both)).toBe(1_800_000_600_000)
    expect(lifeOf(both)).toBe(600_000)
  })

  it("knows no life where one of the two claims is missing", () => {
    expect(lifeOf(token({ exp: 5 }))).toBeUndefined()
    expect(lifeOf(token({ iat: 5 }))).toBeUndefined()
    expect(expiryOf(token({ iat: 5 }))).toBeUndefined()
  })

  it.each([
    ["a claim that is text", token({ exp: "5", iat: "1" })],
    ["a claim that is null", token({ exp: null, iat: null })],
    ["claims that are no object", token(null)],
    ["claims that are a list", token([1])],
    ["claims that are no JSON", `a.${Buffer.from("{").toString("base64url")}.c`],
    ["a part that is no base64", "a.*.c"],
    ["no parts at all", "opaque"],
    ["nothing", ""]
  ])("says nothing of %s", (_, text) => {
    expect(expiryOf(text)).toBeUndefined()
    expect(lifeOf(text)).toBeUndefined()
  })
})
