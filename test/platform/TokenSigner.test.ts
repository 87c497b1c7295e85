/** Tokens are signed as Python's PyJWT would sign them, fresh for each request. */
import { createHmac } from "node:crypto"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { TokenSigner } from "../../src/platform/TokenSigner.ts"
import { testSettings } from "../../src/testing/settings.ts"

const signer = (secret: string, changes: Parameters<typeof testSettings>[0] = {}) =>
  TokenSigner.layer.pipe(
    Layer.provide(Layer.succeed(EdgeConfig, testSettings({ jwtSecret: Redacted.make(secret), ...changes })))
  )

const decoded = (part: string | undefined): unknown =>
  JSON.parse(Buffer.from(part ?? "", "base64url").toString())

it.effect.each(["s", "not-a-secret", "ünïcode 😀", " spaces stay ", "x".repeat(200)])(
  "HS512 over the bytes of %j",
  (secret) =>
    Effect.gen(function* () {
      const { sign } = yield* TokenSigner
      const [header, payload, signature] = Redacted.value(yield* sign("worker/x", 0)).split(".")
      expect(decoded(header)).toEqual({ alg: "HS512", typ: "JWT" })
      const expected = createHmac("sha512", Buffer.from(secret, "utf8")).update(`${header}.${payload}`)
      expect(signature).toBe(expected.digest("base64url"))
    }).pipe(Effect.provide(signer(secret)))
)

it.effect.each([["HS256", "sha256"] as const, ["HS384", "sha384"] as const])(
  "%s where [api_auth] jwt_algorithm says so",
  ([jwtAlgorithm, digest]) =>
    Effect.gen(function* () {
      const { sign } = yield* TokenSigner
      const [header, payload, signature] = Redacted.value(yield* sign("worker/x", 0)).split(".")
      expect(decoded(header)).toEqual({ alg: jwtAlgorithm, typ: "JWT" })
      expect(signature).toBe(createHmac(digest, "s").update(`${header}.${payload}`).digest("base64url"))
    }).pipe(Effect.provide(signer("s", { jwtAlgorithm })))
)

it.effect("time is the one that is given, and each token has an id of its own", () =>
  Effect.gen(function* () {
    const { sign } = yield* TokenSigner
    const at = (token: Redacted.Redacted) => decoded(Redacted.value(token).split(".")[1])
    const first = at(yield* sign("worker/x", 1_000_000))
    const second = at(yield* sign("jobs/fetch/x", 1_005_999))
    expect(first).toEqual({
      jti: expect.stringMatching(/^[0-9a-f]{32}$/),
      iss: "me",
      aud: "api",
      iat: 1000,
      nbf: 1000,
      exp: 1030,
      method: "worker/x"
    })
    expect(second).toMatchObject({ iat: 1005, exp: 1035, method: "jobs/fetch/x" })
    expect(second).not.toMatchObject({ jti: Reflect.get(Object(first), "jti") })
  }).pipe(Effect.provide(signer("secret", { jwtLeeway: Duration.seconds(30), jwtIssuer: "me" })))
)

it.effect("a token does not print", () =>
  Effect.gen(function* () {
    const { sign } = yield* TokenSigner
    const token = yield* sign("worker/x", 0)
    expect(`${token} ${JSON.stringify({ token })}`).not.toContain("eyJ")
  }).pipe(Effect.provide(signer("secret")))
)
