import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AirflowConfig } from "../../src/config/AirflowConfig.ts"
import { CentralConfig } from "../../src/config/CentralConfig.ts"
import { allCentralSettings, centralSection } from "../../src/config/centralSettings.ts"
import type { CentralCommandLine } from "../../src/config/readCentralSettings.ts"
import { ConfigSources } from "../../src/platform/ConfigSources.ts"
import { SecretFile } from "../../src/platform/SecretFile.ts"

const good = "Lw3vN8hZq1TtYbR0sK5eXm7Jc4Pf2Gd9"

const read = (
  env: Record<string, string> = {},
  commandLine: CentralCommandLine = {},
  made = "made-Zq1TtYbR0sK5eXm7Jc4Pf2Gd9Lw3vN8h"
) =>
  Effect.gen(function* () {
    return yield* CentralConfig
  }).pipe(
    Effect.provide(
      CentralConfig.layer(commandLine).pipe(
        Layer.provide([AirflowConfig.layer(allCentralSettings), SecretFile.layerMemory(made)]),
        Layer.provide(
          ConfigSources.layerMemory({
            env: { AIRFLOW_HOME: "/a", ...env },
            files: { "/cert.pem": "c", "/key.pem": "k" }
          })
        )
      )
    )
  )

const mistakes = (env: Record<string, string>, made?: string) =>
  Effect.map(Effect.flip(read(env, {}, made)), (error) => {
    assert.strictEqual(error._tag, "ConfigInvalid")
    return error.message
  })

const jwks = {
  AIRFLOW__EDGE__TRUSTED_JWKS_URL: "https://id.test/keys",
  AIRFLOW__API_AUTH__JWT_SECRET: good
}

describe("CentralConfig", () => {
  it.effect("has a default for everything, and makes its secret in its own folder", () =>
    Effect.gen(function* () {
      const found = yield* read()
      assert.strictEqual(found.stateFolder, "/a/edge-central")
      assert.strictEqual(found.jwtSecretFile, "/a/edge-central/jwt-secret")
      assert.match(Redacted.value(found.jwtSecret), /^made-/)
      assert.deepStrictEqual(
        [found.host, found.port, found.databaseUrl, found.oidc, found.trustedProxy],
        ["127.0.0.1", 8080, undefined, undefined, []]
      )
      assert.deepStrictEqual(
        [found.jobSuccessPurge, found.jobFailPurge, found.claimTimeout, found.jwtLeeway].map(
          Duration.toSeconds
        ),
        [300, 3_600, 60, 10]
      )
    })
  )

  it.effect("reads Airflow's keys and its own, and the command line before them", () =>
    Effect.gen(function* () {
      const found = yield* read(
        {
          AIRFLOW__EDGE_CENTRAL__HOST: "10.0.0.1",

          AIRFLOW__EDGE_CENTRAL__PORT: "81",
          AIRFLOW__EDGE_CENTRAL__STATE_FOLDER: "{AIRFLOW_HOME}/c",
          AIRFLOW__EDGE_CENTRAL__TRUSTED_PROXY: "10.0.0.2, 10.1.0.0/16",
          AIRFLOW__EDGE_CENTRAL__DATABASE_URL: "postgresql://u:p@db/x",
          AIRFLOW__API_AUTH__JWT_SECRET: good,
          AIRFLOW__API_AUTH__JWT_ALGORITHM: "HS384,HS512,RS256",
          AIRFLOW__EDGE__JOB_FAIL_PURGE: "2"
        },
        { port: 0 }
      )
      assert.deepStrictEqual([found.host, found.port, found.stateFolder], ["10.0.0.1", 0, "/a/c"])
      assert.deepStrictEqual(found.trustedProxy, ["10.0.0.2", "10.1.0.0/16"])
      assert.strictEqual(found.jwtSecretFile, undefined)
      assert.deepStrictEqual(found.jwtAlgorithms, ["HS384", "HS512"])
      assert.strictEqual(Redacted.value(found.jwtSecret), good)
      assert.notInclude(String(found.databaseUrl), "u:p")
      assert.strictEqual(Duration.toSeconds(found.jobFailPurge), 120)
    })
  )

  it.effect("takes an identity provider with an issuer", () =>
    Effect.gen(function* () {
      const found = yield* read({
        ...jwks,
        AIRFLOW__EDGE__JWT_ISSUER: "https://id.test",
        AIRFLOW__EDGE__JWT_ALGORITHM: "RS256, ES384",
        AIRFLOW__EDGE_CENTRAL__WORKER_RULES: '[{"claim":"sub","value":"a","names":"a-*","queues":["q"]}]'
      })
      assert.deepStrictEqual(found.oidc?.algorithms, ["RS256", "ES384"])
      assert.deepStrictEqual(found.oidc?.rules, [{ claim: "sub", value: "a", names: "a-*", queues: ["q"] }])
      assert.strictEqual(found.oidc?.audience, undefined)
    })
  )

  for (const [what, env, told] of [
    ["a short secret", { AIRFLOW__API_AUTH__JWT_SECRET: "x1y2z3" }, /at least 32 bytes, and has 6/],
    [
      "an example secret",
      { AIRFLOW__API_AUTH__JWT_SECRET: "airflow_jwt_secret_for_my_very_own_installation" },
      /looks like an example/
    ],
    ["a repeated secret", { AIRFLOW__API_AUTH__JWT_SECRET: "ab".repeat(40) }, /same few characters/],
    [
      "a certificate without a key",
      { AIRFLOW__EDGE_CENTRAL__TLS_CERT: "/cert.pem" },
      /tls_key: read nothing/
    ],
    ["a certificate that is not there", { AIRFLOW__EDGE_CENTRAL__TLS_CERT: "/none.pem" }, /no such file/],
    [
      "keys that anybody on the way could change",
      { ...jwks, AIRFLOW__EDGE__JWT_ISSUER: "i", AIRFLOW__EDGE__TRUSTED_JWKS_URL: "http://id.test/keys" },
      /trusted_jwks_url: read "http:\/\/id\.test\/keys".*https/
    ],
    ["a JWKS without issuer and rules", jwks, /otherwise any token signed by the JWKS is accepted/],
    [
      "a Python verifier",
      { ...jwks, AIRFLOW__EDGE__JWT_ISSUER: "i", AIRFLOW__EDGE__JWT_VERIFIER: "a.b" },
      /cannot be asked here/
    ],
    [
      "an algorithm with a shared key",
      { ...jwks, AIRFLOW__EDGE__JWT_ISSUER: "i", AIRFLOW__EDGE__JWT_ALGORITHM: "RS256,HS256" },
      /with a public key/
    ],
    [
      "an algorithm that a shared secret has not",
      { AIRFLOW__API_AUTH__JWT_ALGORITHM: "EdDSA" },
      /jwt_algorithm: read "EdDSA" .*it must be HS256, HS384, HS512/
    ],
    [
      "a misspelt part of a rule",
      {
        AIRFLOW__EDGE_CENTRAL__WORKER_RULES: '[{"claim":"sub","value":"a","names":"a","queue":["q"]}]'
      },
      /worker_rules.*JSON list/
    ],
    ["an unknown key of its own", { AIRFLOW__EDGE_CENTRAL__PORTT: "1" }, /did you mean port/],
    [
      "to be reached from elsewhere in the clear",
      { AIRFLOW__EDGE_CENTRAL__HOST: "0.0.0.0" },
      /must not cross a network in the clear/
    ],
    [
      "a proxy that is no address",
      { AIRFLOW__EDGE_CENTRAL__TRUSTED_PROXY: "10.0.0.1,proxy,10.0.0.0/33" },
      /read "proxy, 10\.0\.0\.0\/33"/
    ],
    ["a port that is none", { AIRFLOW__EDGE_CENTRAL__PORT: "65536" }, /a port, from 0/]
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.map(mistakes(env), (message) => {
        assert.match(message, told)
        const secret = "AIRFLOW__API_AUTH__JWT_SECRET" in env ? env.AIRFLOW__API_AUTH__JWT_SECRET : good
        assert.notInclude(message, secret)
      })
    )
  }

  it.effect("refuses a made secret that somebody has emptied", () =>
    Effect.map(mistakes({}, ""), (message) => assert.match(message, /has 0; remove the file/))
  )

  it("has a sentence, a type and an allowed default for each key", () => {
    for (const { default: fallback, key, sentence, type } of allCentralSettings) {
      assert.match(key, /^[a-z][a-z0-9_]*$/)
      assert.match(sentence, /^[A-Z].{15,}\.$/)
      assert.isNotEmpty(type.words)
      if (fallback !== undefined) assert.isTrue(Option.isSome(type.decode(fallback)), key)
    }
    assert.isAbove(allCentralSettings.filter(({ section }) => section === centralSection).length, 10)
  })
})
