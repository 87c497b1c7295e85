/** StoredRow: how a record stands in a table, and what to say of a row that is none. */
import * as Schema from "effect/Schema"

/** The columns of a row. */
export type Columns = Readonly<Record<string, string | number | null>>

/** One table, with a row for each record. */
export interface Table<Row> {
  readonly name: string
  /** The column that tells rows apart. */
  readonly key: string
  readonly toColumns: (row: Row) => Columns
  /** Throws a `RowUnreadable`. */
  readonly fromColumns: (columns: unknown) => Row
}

/** Somebody else has written this row, or damaged it. */
export class RowUnreadable extends Error {
  override readonly name = "RowUnreadable"
}

/** A whole number: PostgreSQL's driver gives a bigint, SQLite's a number. */
export const Whole = Schema.Union([Schema.Int, Schema.BigInt])

/** `read` on columns of this shape; whatever it throws, the row is unreadable. */
export const reader = <S extends Schema.ConstraintDecoder<unknown>, Row>(
  table: string,
  shape: S,
  read: (columns: S["Type"]) => Row
) => {
  const decode = Schema.decodeUnknownSync(shape)
  return (columns: unknown): Row => {
    try {
      return read(decode(columns))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new RowUnreadable(`a row of ${table} cannot be read: ${reason}`, { cause: error })
    }
  }
}
