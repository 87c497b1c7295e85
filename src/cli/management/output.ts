/** output: rows of what the site tells, as a table, JSON, YAML or plain text, in the shapes of Airflow's own console. */
import * as Flag from "effect/cli/Flag"

/** A row by column. As in Airflow's console (`cli/simple_table.py`, Airflow 3.3.2), numbers are texts. */
export type Row = Readonly<Record<string, string | null | ReadonlyArray<string>>>
type Cell = Row[string]

/** `-o`, with Airflow's four words. */
export const outputFlag = Flag.Literals("output", ["table", "json", "yaml", "plain"]).pipe(
  Flag.withAlias("o"),
  Flag.withDescription("The shape; plain has one line each"),
  Flag.withDefault("table")
)

/** A number of the site as Airflow prints it. */
export const numberText = (value: unknown): string | null =>
  value === null || value === undefined ? null : String(value)

// Controls, and what changes the direction of a text, are shown and not done; joiners belong to letters and emoji.
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Text of the site for a terminal: `\x1b`, `\u202e`. */
export const escaped = (text: string): string =>
  text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (character === "\n") return "\\n"
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`
    return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`
  })

const text = (cell: Cell): string =>
  cell === null ? "None" : typeof cell === "string" ? cell : cell.join(",")

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u
const none = /[\p{Mn}\p{Me}\u200c\u200d]/u

/** How many columns of a terminal a text takes. */
const width = (line: string): number => {
  let columns = 0
  for (const character of line) columns += none.test(character) ? 0 : wide.test(character) ? 2 : 1
  return columns
}

const pad = (line: string, columns: number): string => line + " ".repeat(Math.max(0, columns - width(line)))

/** Lines of cells, aligned; a cell may have several lines. */
const aligned = (
  rows: ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>>,
  between: string
): ReadonlyArray<string> => {
  const widths = rows.reduce<ReadonlyArray<number>>(
    (sofar, row) => row.map((cell, at) => Math.max(sofar[at] ?? 0, ...cell.map(width))),
    []
  )
  return rows.flatMap((row) => {
    const height = Math.max(...row.map((cell) => cell.length))
    return Array.from({ length: height }, (_, line) =>
      row
        .map((cell, at) => pad(cell[line] ?? "", widths[at] ?? 0))
        .join(between)
        .trimEnd()
    )
  })
}

const table = (columns: ReadonlyArray<string>, rows: ReadonlyArray<Row>): string => {
  const cells = rows.map((row) =>
    columns.map((column) =>
      text(row[column] ?? null)
        .split("\n")
        .map(escaped)
    )
  )
  const [head = "", ...body] = aligned([columns.map((column) => [column]), ...cells], " | ")
  const widths = columns.map((column, at) =>
    Math.max(width(column), ...cells.flatMap((row) => (row[at] ?? []).map(width)))
  )
  return [head, widths.map((columns) => "=".repeat(columns)).join("=+="), ...body].join("\n")
}

const plain = (columns: ReadonlyArray<string>, rows: ReadonlyArray<Row>): string =>
  aligned(
    [
      columns.map((column) => [column]),
      ...rows.map((row) => columns.map((column) => [escaped(text(row[column] ?? null))]))
    ],
    "  "
  ).join("\n")

/** As Python's `json.dumps`: ASCII only. */
const json = (cell: Cell): string =>
  cell !== null && typeof cell !== "string"
    ? `[${cell.map(json).join(", ")}]`
    : JSON.stringify(cell).replace(
        /[\u007f-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      )

/** A JSON string is a YAML one where nothing in it needs two `\u` for one character. */
const yaml = (cell: Cell): string =>
  cell !== null && typeof cell !== "string"
    ? `[${cell.map(yaml).join(", ")}]`
    : JSON.stringify(cell).replace(unprintable, (character) => {
        const code = character.codePointAt(0) ?? 0
        return code < 0x1_0000
          ? `\\u${code.toString(16).padStart(4, "0")}`
          : `\\U${code.toString(16).padStart(8, "0")}`
      })

/** The rows in one of the four shapes, without a line end. */
export const format = (
  output: "table" | "json" | "yaml" | "plain",
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>
): string => {
  const each = (row: Row, cell: (cell: Cell) => string, key: (column: string) => string) =>
    columns.map((column) => `${key(column)}: ${cell(row[column] ?? null)}`)
  switch (output) {
    case "json":
      return `[${rows.map((row) => `{${each(row, json, (column) => `"${column}"`).join(", ")}}`).join(", ")}]`
    case "yaml":
      if (rows.length === 0) return "[]"
      return rows.map((row) => `- ${each(row, yaml, (column) => column).join("\n  ")}`).join("\n")
    case "table":
      return rows.length === 0 ? "No data found" : table(columns, rows)
    case "plain":
      return rows.length === 0 ? "No data found" : plain(columns, rows)
  }
}
