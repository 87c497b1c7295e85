/** What `[sdk] coordinators` and `queue_to_coordinator` may be, and which queues are TypeScript's by them. */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { coordinatorTable, isNodeQueue, queueTable } from "../../src/config/coordinators.ts"

const coordinators = (text: string | undefined) => Option.getOrUndefined(coordinatorTable.decode(text))
const queues = (text: string | undefined) => Option.getOrUndefined(queueTable.decode(text))

const wrong = ["ts = Node", "[]", "null", "3", '"ts"', "{", '{"ts": "x"']

describe("[sdk] coordinators", () => {
  it("gives each its class; what else stands there is not ours", () => {
    for (const text of [undefined, "", " \n", "{}"]) assert.deepStrictEqual(coordinators(text), new Map())
    assert.deepStrictEqual(
      coordinators(
        '{"ts": {"classpath": "a.b.NodeCoordinator", "kwargs": {"x": 1}}, "java": {"classpath": "a.Java"}}'
      ),
      new Map([
        ["ts", "a.b.NodeCoordinator"],
        ["java", "a.Java"]
      ])
    )
  })

  it("is nothing else", () => {
    const tables = ['{"ts": null}', '{"ts": "a.B"}', '{"ts": {}}', '{"ts": {"classpath": 3}}', '{"ts": []}']
    for (const text of [...wrong, ...tables, '{"ok": {"classpath": "a.B"}, "ts": {}}'])
      assert.isUndefined(coordinators(text), text)
  })
})

describe("[sdk] queue_to_coordinator", () => {
  it("gives queues a coordinator's name", () => {
    for (const text of [undefined, "", "{}"]) assert.deepStrictEqual(queues(text), new Map())
    assert.deepStrictEqual(queues('{"ts": "node", "": "x"}'), new Map([["ts", "node"]]).set("", "x"))
  })

  it("is nothing else", () => {
    for (const text of [...wrong, '{"ts": null}', '{"ts": ["node"]}', '{"ts": {"classpath": "a.B"}}'])
      assert.isUndefined(queues(text), text)
  })
})

describe("a queue of TypeScript", () => {
  const settings = {
    coordinators: new Map([
      ["node", "airflow.sdk.coordinators.NodeCoordinator"],
      ["own", "site.MyNodeCoordinator"],
      ["java", "airflow.sdk.coordinators.JavaCoordinator"],
      ["", "site.NodeCoordinator"]
    ]),
    queueToCoordinator: new Map([
      ["ts", "node"],
      ["mine", "own"],
      ["java", "java"],
      ["lost", "nobody"]
    ])
  }

  it.each([
    ["ts", true],
    ["mine", true],
    ["java", false],
    ["lost", false]
  ])("%s: %s", (queue, expected) => assert.strictEqual(isNodeQueue(settings, queue), expected))

  it("is none that has no coordinator, whatever the coordinators are called", () => {
    assert.isFalse(
      isNodeQueue({ ...settings, coordinators: new Map([["node", "a.NodeCoordinator"]]) }, "default")
    )
    assert.isFalse(isNodeQueue(settings, "default"))
  })
})
