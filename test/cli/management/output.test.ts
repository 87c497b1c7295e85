/** What the lists print: in Airflow's shapes, and harmless on a terminal. */
import { assert, describe, it } from "@effect/vitest"
import { globMatches, literalPart } from "../../../src/cli/management/glob.ts"
import { format, type Row } from "../../../src/cli/management/output.ts"
import { spreadStates } from "../../../src/cli/management/stateFlag.ts"

const columns = ["worker_name", "state", "queues", "jobs_active", "maintenance_comment"]

/** The same rows as in a site whose `airflow edge list-workers` printed the expected texts. */
const rows: ReadonlyArray<Row> = [
  {
    worker_name: "gold-1",
    state: "idle",
    queues: ["default", "gpu"],
    jobs_active: "0",
    maintenance_comment: null
  },
  {
    worker_name: "ü 日本",
    state: "maintenance mode",
    queues: null,
    jobs_active: "12",
    maintenance_comment: "[2026-01-01 00:00] - admin put node into maintenance mode\nComment: \"it's"
  }
]

const nasty: ReadonlyArray<Row> = [
  { a: "\u001b[31mred\u0007\r\u009b2J", b: ["x\ty", "\u202egnp"], c: '<script>: #"\\' }
]

describe("output", () => {
  it("table: as Airflow's, without blanks at the ends of lines", () => {
    assert.strictEqual(
      format("table", columns, rows),
      [
        "worker_name | state            | queues      | jobs_active | maintenance_comment",
        "============+==================+=============+=============+==========================================================",
        "gold-1      | idle             | default,gpu | 0           | None",
        "ü 日本      | maintenance mode | None        | 12          | [2026-01-01 00:00] - admin put node into maintenance mode",
        "            |                  |             |             | Comment: \"it's"
      ].join("\n")
    )
  })

  it("json: byte for byte Airflow's", () => {
    assert.strictEqual(
      format("json", columns, rows),
      '[{"worker_name": "gold-1", "state": "idle", "queues": ["default", "gpu"], "jobs_active": "0", "maintenance_comment": null}, ' +
        '{"worker_name": "\\u00fc \\u65e5\\u672c", "state": "maintenance mode", "queues": null, "jobs_active": "12", ' +
        '"maintenance_comment": "[2026-01-01 00:00] - admin put node into maintenance mode\\nComment: \\"it\'s"}]'
    )
  })

  it("yaml: each text is a quoted one", () => {
    assert.strictEqual(
      format("yaml", columns, rows),
      [
        '- worker_name: "gold-1"',
        '  state: "idle"',
        '  queues: ["default", "gpu"]',
        '  jobs_active: "0"',
        "  maintenance_comment: null",
        '- worker_name: "ü 日本"',
        '  state: "maintenance mode"',
        "  queues: null",
        '  jobs_active: "12"',
        '  maintenance_comment: "[2026-01-01 00:00] - admin put node into maintenance mode\\nComment: \\"it\'s"'
      ].join("\n")
    )
  })

  it("plain: one line each", () => {
    assert.strictEqual(
      format("plain", columns, rows),
      [
        "worker_name  state             queues       jobs_active  maintenance_comment",
        "gold-1       idle              default,gpu  0            None",
        "ü 日本       maintenance mode  None         12           [2026-01-01 00:00] - admin put node into maintenance mode\\nComment: \"it's"
      ].join("\n")
    )
  })

  it("nothing found", () => {
    assert.deepStrictEqual(
      (["table", "plain", "json", "yaml"] as const).map((output) => format(output, columns, [])),
      ["No data found", "No data found", "[]", "[]"]
    )
  })

  it("no shape lets a control or a change of direction through", () => {
    for (const output of ["table", "plain", "json", "yaml"] as const) {
      const printed = format(output, ["a", "b", "c"], nasty).replaceAll("\n", "")
      assert.notMatch(printed, /[\p{Cc}\p{Cf}]/u, output)
      assert.include(printed, "script")
    }
    assert.include(format("plain", ["a", "b"], nasty), "\\x1b[31mred\\x07\\x0d\\x9b2J  x\\x09y,\\u202egnp")
    const [row] = JSON.parse(format("json", ["a", "b", "c"], nasty))
    assert.deepStrictEqual(row, nasty[0])
  })
})

describe("glob", () => {
  it("matches whole names, in their case", () => {
    const cases = [
      ["prod-*", "prod-1", true],
      ["prod-*", "preprod-1", false],
      ["prod-*", "Prod-1", false],
      ["gpu-?", "gpu-12", false],
      ["gpu-??", "gpu-12", true],
      ["*", "", true],
      ["?", "😀", true],
      ["a.c", "abc", false],
      ["[a]", "a", false],
      ["a*b*c", "axxbyybc", true],
      ["a*b*c", "axxbyyb", false],
      ["100%_", "100%_", true],
      ["*a", "aba", true],
      ["", "a", false]
    ] as const
    for (const [pattern, name, expected] of cases) {
      assert.strictEqual(globMatches(pattern)(name), expected, `${pattern} ${name}`)
    }
  })

  it("is quick on what is slow for a regular expression", () => {
    assert.isFalse(globMatches("*a".repeat(40).concat("b"))("a".repeat(5000)))
  })

  it("the part for the site is in each name and means nothing else there", () => {
    assert.deepStrictEqual(["prod-*", "a*longer?b", "*", "100%_x", "back\\slash"].map(literalPart), [
      "prod-",
      "longer",
      undefined,
      "100",
      "slash"
    ])
  })
})

describe("-s", () => {
  it("takes the words up to the next flag, as in Airflow", () => {
    assert.deepStrictEqual(
      spreadStates([
        "list-workers",
        "-s",
        "idle",
        "maintenance mode",
        "-o",
        "json",
        "--state",
        "running",
        "offline"
      ]),
      [
        "list-workers",
        "-s",
        "idle",
        "-s",
        "maintenance mode",
        "-o",
        "json",
        "--state",
        "running",
        "-s",
        "offline"
      ]
    )
    assert.deepStrictEqual(spreadStates(["worker", "-s", "a", "b"]), ["worker", "-s", "a", "b"])
    assert.deepStrictEqual(spreadStates(["list-jobs", "oops"]), ["list-jobs", "oops"])
  })
})
