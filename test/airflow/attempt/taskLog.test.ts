/** Lines of a task's log, written by us and by Airflow's own supervisor. Needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { EdgeConfig } from "../../../src/config/EdgeConfig.ts"
import { parseNamespaceLevels } from "../../../src/config/namespaceLevels.ts"
import { LogAppender } from "../../../src/platform/LogAppender.ts"
import { attemptMasker } from "../../../src/runner/attempt/attemptMasker.ts"
import { openTaskLog } from "../../../src/runner/attempt/TaskLog.ts"
import { testSettings } from "../../../src/testing/settings.ts"
import { askAirflow } from "./askAirflow.ts"

type Line =
  | { readonly stream: "stdout" | "stderr"; readonly line: string }
  | { readonly event: Readonly<Record<string, unknown>> }

interface Given {
  readonly level: string
  readonly namespaces: string
  readonly secrets: ReadonlyArray<string>
  readonly lines: ReadonlyArray<Line>
}

const secrets = ["my-secret", "pässwörd", "12345"]
const names = { ti_id: "i", dag_id: "d", run_id: "r", task_id: "t", try_number: 1, map_index: -1 }
const ti = { ...names, id: "i", dag_version_id: "v", pool_slots: 1, priority_weight: 1 }

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...secrets, " ", "::group::x", "eyJabc.d ", "é🔑", "\t", '"', "\\", "\u00a0"),
      fc.string({ maxLength: 4 })
    ),
    { maxLength: 5 }
  )
  .map((parts) => parts.join("").replaceAll(/[\n\r]/g, ""))
/** Airflow looks for tokens in the texts of a line itself only. */
const inner = text.filter((of) => !of.includes("eyJ"))
const frame = fc.record({ filename: inner, lineno: fc.nat(9_999), name: inner })
const stack = fc.record({
  exc_type: inner,
  exc_value: inner,
  exc_notes: fc.array(inner, { maxLength: 2 }),
  syntax_error: fc.constant(null),
  is_cause: fc.boolean(),
  frames: fc.array(frame, { maxLength: 3 }),
  is_group: fc.constant(false),
  exceptions: fc.constant([])
})
const value = fc.oneof(
  text,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(inner, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom("a", "password", "b"), inner)
)
const event = fc
  .record(
    {
      level: fc.constantFrom(
        "critical",
        "exception",
        "error",
        "warn",
        "warning",
        "info",
        "debug",
        "notset",
        "loud",
        "Info"
      ),
      event: text,
      timestamp: fc.constantFrom(
        "2026-11-22T21:42:35.477736Z",
        "2026-11-22T21:42:35Z",
        "2026-11-22T21:42:35.120000+05:30"
      ),
      logger: fc.constantFrom("a", "a.b", "task"),
      exception: fc.array(stack, { minLength: 1, maxLength: 2 }),
      rows: value,
      api_key: value
    },
    { requiredKeys: ["level", "timestamp"] }
  )
  .map((event) => ({ event }))
const output = fc.record({ stream: fc.constantFrom("stdout" as const, "stderr" as const), line: text })

const cases: ReadonlyArray<Given> = [
  { level: "DEBUG", namespaces: "", lines: fc.sample(event, { numRuns: 1_500, seed: 1 }) },
  ...[
    ["DEBUG", ""],
    ["WARNING", ""],
    ["CRITICAL", ""],
    ["DEBUG", "task=WARNING"],
    ["WARNING", "task.stdout=ERROR tas=ERROR,task=debug wrong"]
  ].map(([level = "", namespaces = ""]) => ({
    level,
    namespaces,
    lines: fc.sample(output, { numRuns: 60, seed: 2 })
  }))
].map((given) => ({ ...given, secrets }))

const ours = Effect.fnUntraced(function* ({ level, lines, namespaces }: Given) {
  let written = ""
  const disk = Layer.succeed(LogAppender, {
    open: () =>
      Effect.succeed({
        append: (lines: string) =>
          Effect.sync(() => {
            written += lines
          })
      })
  })
  const settings = testSettings({ loggingLevel: level, namespaceLevels: parseNamespaceLevels(namespaces) })
  const masker = attemptMasker(settings)
  masker.add(secrets)
  const log = yield* Effect.provide(
    openTaskLog({ file: "x", ti, masker }),
    Layer.merge(disk, Layer.succeed(EdgeConfig, settings))
  )
  const answers: Array<string> = []
  for (const line of lines) {
    yield* "stream" in line ? log.wrote(line.stream, line.line) : log.write(line.event)
    yield* log.flush
    answers.push(written)
    written = ""
  }
  return answers
}, Effect.scoped)

/** A line without what the two cannot have in common: the time of writing, and the names that only ours adds here. */
const comparable = (line: string, given: Line | undefined) => {
  if (line === "") return "not written"
  const { timestamp, ...fields }: Record<string, unknown> = JSON.parse(line)
  assert.deepStrictEqual(Object.keys(JSON.parse(line)).slice(0, 3), ["timestamp", "level", "event"])
  for (const name of Object.keys(names)) delete fields[name]
  return { ...fields, ...(given !== undefined && "event" in given ? { timestamp } : {}) }
}

describe("against airflow.sdk.execution_time.supervisor", () => {
  it.live(
    "lines of a library, and of a task's output at every level",
    () =>
      Effect.gen(function* () {
        const seen = { written: 0, notWritten: 0, withError: 0 }
        for (const given of cases) {
          const theirs = askAirflow<ReadonlyArray<string>>("print_log_lines.py", given, {
            AIRFLOW__LOGGING__LOGGING_LEVEL: given.level,
            ...(given.namespaces === "" ? {} : { AIRFLOW__LOGGING__NAMESPACE_LEVELS: given.namespaces })
          })
          const answers = yield* ours(given)
          assert.strictEqual(answers.length, theirs.length)
          for (const [at, answer] of answers.entries()) {
            const line = given.lines[at]
            const [our, their] = [comparable(answer, line), comparable(theirs[at] ?? "", line)]
            assert.deepStrictEqual(
              our,
              their,
              JSON.stringify({ line, level: given.level, namespaces: given.namespaces })
            )
            if (typeof our === "string") seen.notWritten += 1
            else seen.written += 1
            if (typeof our === "object" && "error_detail" in our) seen.withError += 1
          }
        }
        assert.isAbove(Math.min(...Object.values(seen)), 100, JSON.stringify(seen))
      }),
    240_000
  )
})
