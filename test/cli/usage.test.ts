import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { version } from "../../src/cli/version.ts"
import { run, running, temporaryHome } from "./commandLine.ts"

describe("the command line", () => {
  it.live("a mistake is short, last, on stderr, and ends with 64", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      const cases = [
        [["wroker"], 'edge-worker: unknown command "wroker"; did you mean worker?\nSee edge-worker --help\n'],
        [
          ["worker", "--qeues", "a"],
          "edge-worker worker: unknown flag --qeues; did you mean --queues?\nSee edge-worker worker --help\n"
        ],
        [
          ["maintenance"],
          "edge-worker maintenance: missing required argument: on|off\nSee edge-worker maintenance --help\n"
        ],
        ...["x", "1.5"].map(
          (text) =>
            [
              ["submit", "a", "b", "--retries", text],
              `edge-worker submit: invalid value for flag --retries: "${text}". Expected a whole number\nSee edge-worker submit --help\n`
            ] as const
        ),
        [
          ["logs", "a", "b", "c", "--try", "-1"],
          'edge-worker logs: invalid value for flag --try: "-1". Expected a value greater than or equal to 0\nSee edge-worker logs --help\n'
        ]
      ] as const
      for (const [args, expected] of cases) {
        assert.deepStrictEqual(yield* run(home, args), { code: 64, stdout: "", stderr: expected })
      }
    })
  )

  it.live("all mistakes of the values are told at once", () =>
    Effect.gen(function* () {
      const args = ["worker", "-c0", "-H", "a/b", "-q", "a,,b", "-u", "9", "--pid", ""]
      const { code, stderr } = yield* run(yield* temporaryHome, args)
      assert.strictEqual(code, 64)
      assert.strictEqual(stderr.match(/^ {2}- /gm)?.length, 5)
    })
  )

  it.live("--version", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(yield* temporaryHome, ["--version"])
      assert.strictEqual(code, 0)
      assert.strictEqual(stdout, `edge-worker ${version}\n`)
    })
  )

  it.live("each command's help has examples and its exit codes, and no colour in a pipe", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      for (const command of [[], ["worker"], ["status"], ["stop"], ["maintenance"], ["central-user"]]) {
        const { code, stderr, stdout } = yield* run(home, [...command, "--help"])
        assert.strictEqual(code, 0)
        assert.strictEqual(stderr, "")
        assert.include(stdout, "\n\nEXAMPLES\n")
        assert.include(stdout, "Exit codes:")
        assert.notInclude(stdout, "\x1b")
        assert.isTrue(
          stdout.split("\n").every((line) => line.length <= 112),
          stdout
        )
      }
    })
  )

  it.live("a command that is no worker does not tell its exit codes as one", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome
      for (const command of ["submit", "list-workers", "shutdown-all-workers", "central", "settle"]) {
        const { stdout } = yield* run(home, [command, "--help"])
        const codes = stdout.slice(stdout.indexOf("Exit codes:"), stdout.indexOf("USAGE"))
        assert.notMatch(codes, /offline|local command|management command|this worker's versions/, command)
        const numbers = [...codes.matchAll(/^ +(\d+) {2}/gm)].map(([, code]) => Number(code))
        assert.deepStrictEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          command
        )
        assert.isAbove(numbers.length, 4, command)
      }
    })
  )

  it.live("-v is verbose, and flags that only a daemon uses are warned of", () =>
    Effect.gen(function* () {
      const worker = yield* running(yield* temporaryHome, ["-v", "-H", "one", "-l", "x.log"])
      yield* worker.says("have an effect only with --daemon")
    })
  )
})
