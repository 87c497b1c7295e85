import { assert, describe, it } from "@effect/vitest"
import { splitCommand } from "../../src/platform/splitCommand.ts"

/** Line -> what Python 3.11's `shlex.split` returns; a text: it refuses. */
const cases: ReadonlyArray<readonly [string, ReadonlyArray<string> | string]> = [
  ["cat /run/secret", ["cat", "/run/secret"]],
  ["  a\t b\n", ["a", "b"]],
  ["a 'b c' \"d e\"", ["a", "b c", "d e"]],
  ["a\\ b", ["a b"]],
  ['\'a\\b\' "a\\b" "a\\"b\\\\"', ["a\\b", "a\\b", 'a"b\\']],
  ["x''y '' z", ["xy", "", "z"]],
  ["echo $HOME | tr a b # c", ["echo", "$HOME", "|", "tr", "a", "b", "#", "c"]],
  ["echo 'open", "the command has a ' without its partner"],
  ["echo \\", "the command ends in a backslash"],
  [" ", "the command is empty"]
]

describe("splitCommand", () => {
  for (const [line, words] of cases)
    it(JSON.stringify(line), () => assert.deepStrictEqual(splitCommand(line), words))
})
