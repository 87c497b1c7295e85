/** Where the site is and what opens it, as the configuration says. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { AirflowConfig } from "../../src/config/AirflowConfig.ts"
import { allSettings } from "../../src/config/settings.ts"
import { type GivenCredential, ManagementConfig } from "../../src/management/ManagementConfig.ts"
import { ConfigSources } from "../../src/platform/ConfigSources.ts"

const prefix = "AIRFLOW__EDGE_WORKER__MANAGEMENT_"
const apiUrl = { AIRFLOW__EDGE__API_URL: "https://site.test/edge_worker/v1/rpcapi" }

const read = (
  env: Readonly<Record<string, string>>,
  given: GivenCredential = {},
  commands: Readonly<Record<string, string>> = {}
) =>
  Effect.scoped(
    Effect.map(
      Layer.build(
        ManagementConfig.layer(given).pipe(
          Layer.provide(AirflowConfig.layer(allSettings)),
          Layer.provide(ConfigSources.layerMemory({ env, commands, files: {} }))
        )
      ),
      (context) => Effect.runSync(Effect.provide(ManagementConfig, context))
    )
  )

const mistake = (env: Readonly<Record<string, string>>, given: GivenCredential = {}) =>
  Effect.map(Effect.flip(read(env, given)), (error) => error.message)

describe("the address", () => {
  it.effect("is its own setting, else that of the Edge API without its end; a subpath stays", () =>
    Effect.gen(function* () {
      const cases = [
        [{ [`${prefix}URL`]: "https://air.test" }, "https://air.test/"],
        [{ [`${prefix}URL`]: "https://air.test/sub//?x=1#y" }, "https://air.test/sub/"],
        [{ ...apiUrl, [`${prefix}URL`]: "http://air.test/a/b" }, "http://air.test/a/b/"],
        [apiUrl, "https://site.test/"],
        [
          { AIRFLOW__EDGE__API_URL: "https://site.test:8443/sub/edge_worker/v1/rpcapi/" },
          "https://site.test:8443/sub/"
        ]
      ] as const
      for (const [env, expected] of cases) assert.strictEqual((yield* read(env)).url.href, expected)
    })
  )

  it.effect("that is missing or cannot be derived is a mistake that says what to set", () =>
    Effect.gen(function* () {
      assert.include(yield* mistake({}), "[edge_worker] management_url")
      assert.include(
        yield* mistake({ AIRFLOW__EDGE__API_URL: "https://site.test/rpc" }),
        "[edge_worker] management_url"
      )
      assert.include(yield* mistake({ [`${prefix}URL`]: "ftp://x" }), `${prefix}URL`)
      assert.include(yield* mistake({ ...apiUrl, [`${prefix}UERL`]: "x" }), "did you mean management_url?")
    })
  )
})

describe("the credential", () => {
  const shape = (env: Readonly<Record<string, string>>, given: GivenCredential = {}, commands = {}) =>
    Effect.map(read({ ...apiUrl, ...env }, given, commands), ({ credential }) =>
      credential._tag === "Token"
        ? ["Token", Redacted.value(credential.token)]
        : credential._tag === "Password"
          ? ["Password", credential.user, Redacted.value(credential.password)]
          : ["None"]
    )

  it.effect("flags come before what is configured, a token before a user", () =>
    Effect.gen(function* () {
      const all = { [`${prefix}TOKEN`]: "t", [`${prefix}USER`]: "u", [`${prefix}PASSWORD`]: "p" }
      assert.deepStrictEqual(yield* shape({}), ["None"])
      assert.deepStrictEqual(yield* shape(all), ["Token", "t"])
      assert.deepStrictEqual(yield* shape({ ...all, [`${prefix}TOKEN`]: "" }), ["Password", "u", "p"])
      assert.deepStrictEqual(yield* shape(all, { token: Redacted.make("f") }), ["Token", "f"])
      assert.deepStrictEqual(yield* shape(all, { user: "me" }), ["Password", "me", "p"])
      assert.deepStrictEqual(yield* shape(all, { password: Redacted.make("q") }), ["Password", "u", "q"])
    })
  )

  it.effect("a command's output is one, without its line end; what is not needed is not run", () =>
    Effect.gen(function* () {
      const env = { [`${prefix}TOKEN_CMD`]: "pass show token" }
      assert.deepStrictEqual(yield* shape(env, {}, { "pass show token": "abc\n" }), ["Token", "abc"])
      // a command that is not known to the test's sources fails when it is run
      assert.deepStrictEqual(yield* shape(env, { token: Redacted.make("f") }), ["Token", "f"])
    })
  )

  it.effect("half of user and password is a mistake, and no message has the other half", () =>
    Effect.gen(function* () {
      assert.include(yield* mistake({ ...apiUrl, [`${prefix}USER`]: "u" }), "--password-file")
      const message = yield* mistake(apiUrl, { password: Redacted.make("hidden-one") })
      assert.include(message, "--user")
      assert.notInclude(message, "hidden-one")
    })
  )
})
