/** A task's token has the claims of Airflow's own (3.3.2), is signed with the central's secret, and is told to nobody. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { jwtVerify } from "jose/jwt/verify"
import { TaskTokens } from "../../src/platform/TaskTokens.ts"

const secret = "a secret of sixty-four characters, of which a part is enough …"
const at = 1_800_000_000

const issued = (issuer?: string, algorithm = "HS512") =>
  Effect.gen(function* () {
    yield* TestClock.setTime(at * 1000 + 999)
    const { issue } = yield* TaskTokens
    const tokens = [yield* issue("id-1", "workload"), yield* issue("id-1", "workload")]
    assert.notInclude(String(tokens[0]), "ey")
    return yield* Effect.promise(() =>
      Promise.all(
        tokens.map((token) =>
          jwtVerify(Redacted.value(token), new TextEncoder().encode(secret), {
            algorithms: [algorithm],
            audience: "urn:airflow.apache.org:task",
            currentDate: new Date(at * 1000)
          })
        )
      )
    )
  }).pipe(
    Effect.provide(
      TaskTokens.layer({ secret: Redacted.make(secret), life: Duration.minutes(10), issuer, algorithm })
    )
  )

describe("TaskTokens", () => {
  it.effect("says which task instance, what for and how long, and each is another one", () =>
    Effect.gen(function* () {
      const [first, second] = yield* issued()
      const { jti, ...claims } = first?.payload ?? {}
      assert.match(jti ?? "", /^[0-9a-f]{32}$/)
      assert.notStrictEqual(second?.payload.jti, jti)
      assert.deepStrictEqual(claims, {
        sub: "id-1",
        scope: "workload",
        aud: "urn:airflow.apache.org:task",
        nbf: at,
        iat: at,
        exp: at + 600
      })
      assert.deepStrictEqual(first?.protectedHeader, { alg: "HS512", typ: "JWT" })
    })
  )

  it.effect("is signed with the algorithm that is configured", () =>
    Effect.map(issued(undefined, "HS256"), ([first]) =>
      assert.deepStrictEqual(first?.protectedHeader, { alg: "HS256", typ: "JWT" })
    )
  )

  it.effect("names the issuer where one is configured", () =>
    Effect.map(issued("me"), ([first]) => assert.strictEqual(first?.payload.iss, "me"))
  )
})
