/** What `[edge_worker] commands` may be, and which command a task gets. */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { commandFor, commandTable } from "../../src/config/commandTable.ts"

const read = (text: string | undefined) => Option.getOrUndefined(commandTable.decode(text))
const build = { dag_id: "reports", task_id: "build" }

describe("[edge_worker] commands", () => {
  it("is a JSON object of argument lists; none where it is not set or empty", () => {
    for (const text of [undefined, "", " \n", "{}"]) assert.deepStrictEqual(read(text), new Map())
    assert.deepStrictEqual(
      read('{"reports.build": ["/opt/build", "--all"],\n "reports.*": ["echo"]}'),
      new Map([
        ["reports.build", ["/opt/build", "--all"] as const],
        ["reports.*", ["echo"] as const]
      ])
    )
  })

  it("is nothing else", () => {
    for (const text of [
      "reports.build = /opt/build",
      "[]",
      "null",
      '"x"',
      '{"reports.build": "/opt/build --all"}',
      '{"reports.build": []}',
      '{"reports.build": [""]}',
      '{"reports.build": ["build", 3]}',
      '{"reports.build": ["bin/build"]}',
      '{"reports.build": ["./build"]}',
      '{"reports.build": ["build", "a\\u0000b"]}',
      '{"reports": ["build"]}',
      '{"reports.build": ["build"], ".x": ["build"]}'
    ]) {
      assert.isUndefined(read(text), text)
    }
  })

  it("gives a task its own command, else that of its Dag, else none", () => {
    const table = read('{"reports.build": ["one"], "reports.*": ["two"]}') ?? new Map()
    assert.deepStrictEqual(commandFor(table, build), ["one"])
    assert.deepStrictEqual(commandFor(table, { ...build, task_id: "send" }), ["two"])
    assert.isUndefined(commandFor(table, { ...build, dag_id: "other" }))
    assert.isUndefined(commandFor(table, { dag_id: "reports.build", task_id: "x" }))
  })
})
