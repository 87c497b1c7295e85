/** The second tables: what Python tasks say of themselves, their XComs, and the variables that they set. */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { parts } from "./parts.ts"

export const taskTables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { id, index, unique } = parts(sql)

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
