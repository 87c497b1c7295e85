/** The second tables: what Python tasks say of themselves, their XComs, and the variables that they set. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

export const taskTables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const id = sql.literal(
    sql.onDialectOrElse({
      pg: () => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
      orElse: () => "INTEGER PRIMARY KEY"
    })
  )
  /** As in the first tables: a hash takes texts of any length, a B-tree of PostgreSQL does not. */
  const unique = (column: string) =>
    sql.literal(
      sql.onDialectOrElse({
        pg: () => `EXCLUDE USING hash (${column} WITH =)`,
        orElse: () => `UNIQUE (${column})`
      })
    )
  const index = (name: string, table: string, column: string) =>
    sql.literal(
      sql.onDialectOrElse({
        pg: () => `CREATE INDEX ${name} ON ${table} USING hash (${column})`,
        orElse: () => `CREATE INDEX ${name} ON ${table} (${column})`
      })
    )

  yield* sql`ALTER TABLE central_job ADD COLUMN task TEXT`
  yield* sql`${index("central_job_task_instance", "central_job", "task_instance_id")}`
  yield* sql`${index("central_job_run", "central_job", "run_id")}`

  yield* sql`CREATE TABLE central_xcom (
    id ${id},
    xcom_key TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    map_index BIGINT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    stored_at BIGINT NOT NULL,
    ${unique("xcom_key")}
  )`
  yield* sql`${index("central_xcom_run", "central_xcom", "run_id")}`
  yield* sql`${index("central_xcom_task", "central_xcom", "task_id")}`

  yield* sql`CREATE TABLE central_variable (
    id ${id},
    name TEXT NOT NULL,
    content TEXT,
    description TEXT,
    ${unique("name")}
  )`
})
