/** Our configuration against Airflow's own, on generated files and environments. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { AirflowConfig } from "../../../src/config/AirflowConfig.ts"
import { getBoolean, getFloat, getInt } from "../../../src/config/PythonText.ts"
import { allSettings } from "../../../src/config/settings.ts"
import { ConfigSources } from "../../../src/platform/ConfigSources.ts"
import { type Case, generate, type Query, secrets } from "./cases.ts"
import { backendOf, runScript } from "./python.ts"

const Answer = Schema.Union([
  Schema.Struct({ value: Schema.Json }),
  Schema.Struct({ missing: Schema.Literal(true) }),
  Schema.Struct({ error: Schema.String })
])
const Printed = Schema.Union([
  Schema.Struct({ home: Schema.String, answers: Schema.Array(Answer) }),
  Schema.Struct({ error: Schema.String, text: Schema.String })
])

const askAirflow = (cases: ReadonlyArray<Case>, home: string) =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Printed)))(
    runScript("print_config.py", { ...backendOf(secrets), AIRFLOW_HOME: home }, JSON.stringify(cases))
  )

/** The same case for us: commands and home folders are real, the file and the secrets are given. */
const sourcesOf = ({ env, file }: Case) =>
  Layer.effect(
    ConfigSources,
    Effect.map(ConfigSources, (real) => ({
      ...real,
      env: { PATH: process.env["PATH"], ...env, AIRFLOW_CONFIG: "/the/airflow.cfg" },
      readFile: () => Effect.succeed(file),
      resolveSecret: (name: string) => Effect.succeed(new Map(Object.entries(secrets)).get(name))
    }))
  ).pipe(Layer.provide(ConfigSources.layer))

const typed = { getint: getInt, getboolean: getBoolean, getfloat: getFloat }
const ourAnswer = Effect.fnUntraced(function* (config: AirflowConfig["Service"], query: Query) {
  const looked = yield* Effect.result(config.lookup(query.section, query.key, query.team))
  if (Result.isFailure(looked)) return { error: "refused" }
  const { found } = looked.success
  if (found === undefined) return { missing: true }
  if (query.method === "get") return { value: found.value }
  const value: Option.Option<number | boolean> = typed[query.method](found.value)
  return Option.match(value, { onNone: () => ({ error: "refused" }), onSome: (value) => ({ value }) })
})

const inOneWord = (answer: typeof Answer.Type) =>
  "value" in answer ? `value ${JSON.stringify(answer.value)}` : "missing" in answer ? "missing" : "refused"

const cases = generate(500)

describe("against airflow.configuration", () => {
  it.live(
    `${cases.length} generated files and environments`,
    () =>
      Effect.gen(function* () {
        const printed = askAirflow(cases, "/nowhere")
        const differences: Array<string> = []
        const seen = { refusedFiles: 0, values: 0, missing: 0, refused: 0 }
        assert.strictEqual(printed.length, cases.length)
        for (const [index, one] of cases.entries()) {
          const theirs = printed[index]
          const ours = yield* Effect.gen(function* () {
            const config = yield* AirflowConfig
            // An old setting that Airflow follows only where the variable is not set.
            const { found } = yield* config.lookup("core", "airflow_home")
            return {
              home: one.env["AIRFLOW_HOME"] === undefined ? (found?.value ?? config.home) : config.home,
              answers: yield* Effect.forEach(one.queries, (query) => ourAnswer(config, query))
            }
          }).pipe(
            Effect.provide(AirflowConfig.layer(allSettings).pipe(Layer.provide(sourcesOf(one)))),
            Effect.result
          )
          const about = JSON.stringify({ file: one.file, env: one.env })
          if (theirs === undefined || "error" in theirs) {
            assert.isTrue(Result.isFailure(ours), `Airflow refuses ${about}: ${theirs?.text}`)
            // Airflow stops at its first mistake; ours must have one in that line too.
            const line = /line:? +(\d+)/.exec(theirs?.text ?? "")?.[1]
            if (Result.isFailure(ours) && line !== undefined) {
              assert.include(ours.failure.message, `line ${line}`, about)
            }
            seen.refusedFiles++
            continue
          }
          if (Result.isFailure(ours)) return assert.fail(`we refuse ${about}: ${ours.failure.message}`)
          assert.strictEqual(ours.success.home, theirs.home, about)
          for (const [at, query] of one.queries.entries()) {
            const [expected, actual] = [theirs.answers[at], ours.success.answers[at]]
            if (expected === undefined || actual === undefined) return assert.fail(`no answer for ${about}`)
            const outcome = inOneWord(expected)
            const mine = inOneWord(Schema.decodeUnknownSync(Answer)(actual))
            if (mine !== outcome) {
              differences.push(`${JSON.stringify(query)}: Airflow ${outcome}, we ${mine}, in ${about}`)
            }
            if (outcome === "missing") seen.missing++
            else if (outcome === "refused") seen.refused++
            else seen.values++
          }
        }
        assert.deepStrictEqual(differences.slice(0, 5), [], `${differences.length} answers differ`)
        // The cases must reach each kind of end, or the comparison says little.
        assert.isAbove(seen.refusedFiles, 30)
        assert.isAbove(seen.values, 5000)
        assert.isAbove(seen.missing, 1000)
        assert.isAbove(seen.refused, 100)
      }),
    180_000
  )
})
