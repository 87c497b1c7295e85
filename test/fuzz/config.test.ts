/** The configuration from any text: it is read, or refused with its own error, soon, and no secret is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { AirflowConfig } from "../../src/config/AirflowConfig.ts"
import { getOption, parse } from "../../src/config/ConfigParser.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import * as PythonText from "../../src/config/PythonText.ts"
import { allSettings } from "../../src/config/settings.ts"
import { ConfigSources } from "../../src/platform/ConfigSources.ts"
import { holdsNone, parameters, timeLimit, tried } from "./fuzz.ts"

const secret = "Hush-7fA3"

const noise = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "%",
    "%%",
    "%(",
    "%(x)s",
    "%(jwt_secret)s",
    "$HOME",
    "${",
    "~",
    "#",
    ";",
    "=",
    ":",
    "[",
    "]"
  ),
  fc.constantFrom(
    "1",
    "-1",
    "1e400",
    "True",
    "none",
    "http://",
    "https://site.test/edge_worker/v1/rpcapi",
    "30"
  ),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1"))
)
/** The secret, alone or with anything around it. */
const hidden = fc.oneof(
  fc.constantFrom(secret, `%(${secret})s`, `x%(x${secret})s)s`, `%${secret}`),
  fc.tuple(noise, noise).map(([before, after]) => `${before}${secret}${after}`)
)
const setting = fc.constantFrom(...allSettings)
const end = fc.constantFrom("\n", "\r\n", "\r")
const isOneLine = (text: string) => !/[\r\n]/.test(text)
/** One line, or a few that belong together. */
const lines = fc.oneof(
  setting.map(({ section }) => `[${section}]`),
  fc
    .tuple(setting, fc.constantFrom(" = ", "=", ":", " "), noise)
    .map(([{ key, section }, between, value]) => `[${section}]\n${key}${between}${value}`),
  fc
    .tuple(fc.constantFrom("", "_cmd", "_secret"), hidden.filter(isOneLine))
    .map(([suffix, value]) => `[api_auth]\njwt_secret${suffix} = ${value}`),
  hidden.filter(isOneLine).map((value) => `[api_auth]\njwt_secret =\n  ${value}`),
  noise,
  fc.constantFrom("[DEFAULT]", "x = %(y)s", "y = %(x)s", " more", "# a comment")
)
const files = fc
  .tuple(fc.array(lines, { maxLength: 12 }), end)
  .map(([all, lineEnd]) => all.join("\n").replaceAll("\n", lineEnd))
const variables = fc.dictionary(
  setting.map(({ key, section }) => `AIRFLOW__${section.toUpperCase()}__${key.toUpperCase()}`),
  noise.filter((text) => !text.includes("\0")),
  { maxKeys: 5 }
)

describe("a configuration", () => {
  const read = (file: string, env: Readonly<Record<string, string>>) =>
    EdgeConfig.use(Effect.succeed).pipe(
      Effect.provide(
        EdgeConfig.layer().pipe(
          Layer.provide(AirflowConfig.layer(allSettings)),
          Layer.provide(
            ConfigSources.layerMemory({
              env: { AIRFLOW_HOME: "/af", ...env },
              files: { "/af/airflow.cfg": file },
              commands: {},
              secrets: {}
            })
          )
        ),
        { local: true }
      )
    )

  it.effect(
    "of any text is read or refused, and its secret is not told",
    () =>
      Effect.gen(function* () {
        const ended = { read: 0, refused: 0 }
        const inputs = fc.record({
          file: files,
          env: variables,
          inVariable: fc.option(hidden),
          url: fc.boolean()
        })
        yield* tried(700, inputs, ({ env, file, inVariable, url }) =>
          Effect.gen(function* () {
            const result = yield* Effect.result(
              read(file, {
                ...env,
                ...(url ? { AIRFLOW__EDGE__API_URL: "https://site.test/edge_worker/v1/rpcapi" } : {}),
                ...(inVariable === null ? {} : { AIRFLOW__API_AUTH__JWT_SECRET: inVariable })
              })
            )
            const told =
              result._tag === "Success"
                ? JSON.stringify(result.success)
                : `${result.failure.message} ${JSON.stringify(result.failure)} ${String(result.failure)}`
            ended[result._tag === "Success" ? "read" : "refused"] += 1
            if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "ConfigInvalid")
            holdsNone(told, [secret])
          })
        )
        // Both happen often, or this shows nothing.
        assert.isAbove(ended.read, 8)
        assert.isAbove(ended.refused, 20)
      }),
    timeLimit
  )

  it("of any bytes is parsed or refused with lines that exist", () => {
    const bytes = fc
      .uint8Array({ maxLength: 400, size: "max" })
      .map((all) => Buffer.from(all).toString("utf8"))
    fc.assert(
      fc.property(fc.oneof(bytes, files, fc.string({ unit: "binary" })), (text) => {
        const count = text.split(/\r\n|\r|\n/).length
        const parsed = parse(text)
        if (Result.isFailure(parsed)) {
          assert.isNotEmpty(parsed.failure)
          for (const { line } of parsed.failure) assert.isTrue(line >= 1 && line <= count)
          return
        }
        for (const [section, options] of parsed.success.sections) {
          for (const key of options.keys()) {
            const option = getOption(parsed.success, section, key)
            const line = Result.isSuccess(option) ? option.success?.line : option.failure.line
            assert.isTrue(line !== undefined && line >= 1 && line <= count)
          }
        }
      }),
      parameters(1500)
    )
  })

  it("has numbers and truths that are finite, or none", () => {
    const texts = fc.oneof(
      noise,
      fc.string({ unit: fc.constantFrom(..."0123456789_.eE+-tTrufalsn #\u00a0\x1c") })
    )
    fc.assert(
      fc.property(texts, (text) => {
        const stripped = PythonText.strip(text)
        assert.strictEqual(PythonText.strip(stripped), stripped)
        for (const number of [PythonText.getInt(text), PythonText.getFloat(text), PythonText.getOctal(text)])
          if (Option.isSome(number)) assert.isTrue(Number.isFinite(number.value), text)
        if (Option.isSome(PythonText.plainInt(text))) assert.isTrue(Option.isSome(PythonText.getInt(text)))
        assert.deepStrictEqual(PythonText.getBoolean(text), PythonText.getBoolean(stripped))
      }),
      parameters(3000)
    )
  })

  it.each([
    ["blanks", `[edge]\na = x${" ".repeat(100_000)}y`],
    ["blanks in no option", `[edge]\na${" ".repeat(100_000)}b`],
    ["digits", `[edge]\na = ${"1".repeat(100_000)}x`],
    ["equal signs", `[edge]\n${"=".repeat(200_000)}`],
    ["percent signs", `[edge]\na = ${"%%".repeat(50_000)}`],
    ["brackets", "[".repeat(200_000)]
  ])("with very many %s is read soon", (_, text) => {
    const before = process.cpuUsage()
    const parsed = parse(text)
    if (Result.isSuccess(parsed)) {
      const option = getOption(parsed.success, "edge", "a")
      if (Result.isSuccess(option)) {
        const value = option.success?.value ?? ""
        PythonText.getInt(value)
        PythonText.getFloat(value)
        PythonText.getBoolean(value)
      }
    }
    assert.isBelow(process.cpuUsage(before).user / 1e6, 4)
  })
})
