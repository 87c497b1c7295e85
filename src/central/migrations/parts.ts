/** parts: what the databases write differently when a table is made; both forms are released, so neither changes any more. */
import type { SqlClient } from "effect/sql/SqlClient"

/** The parts of this database's statements. */
export const parts = (sql: SqlClient) => {
  const either = (pg: string, orElse: string) =>
    sql.literal(sql.onDialectOrElse({ pg: () => pg, orElse: () => orElse }))
  return {
    /** The type of a number that the database gives each row. */
    id: either("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY"),
    /** A B-tree of PostgreSQL takes no value beyond 2,704 bytes, and three long ids are more than that; a hash takes any. */
    unique: (column: string) => either(`EXCLUDE USING hash (${column} WITH =)`, `UNIQUE (${column})`),
    /** The statement for an index of texts of any length. */
    index: (name: string, table: string, column: string) =>
      either(
        `CREATE INDEX ${name} ON ${table} USING hash (${column})`,
        `CREATE INDEX ${name} ON ${table} (${column})`
      )
  }
}
