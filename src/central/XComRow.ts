/** XComRow: XComs and variables as rows of their tables. */
import * as Schema from "effect/Schema"
import type { JobKey } from "../protocol/Job.ts"
import { reader, type Table, Whole } from "./StoredRow.ts"
import { fromStored, fromStoredOrNull, toStored, toStoredOrNull } from "./StoredText.ts"
import type { VariableRecord, XComKey, XComRecord } from "./XComRecord.ts"

const TextOrNull = Schema.NullOr(Schema.String)

/** A key as one text, without the characters that a database refuses. */
export const xcomKeyText = ({ dag_id, key, map_index, run_id, task_id }: XComKey): string =>
  JSON.stringify([dag_id, run_id, task_id, map_index, key])

/** Whether both are of one run. */
export const isSameRun = (a: Pick<JobKey, "dag_id" | "run_id">, b: Pick<JobKey, "dag_id" | "run_id">) =>
  a.dag_id === b.dag_id && a.run_id === b.run_id

export const xcomTable: Table<XComRecord> = {
  name: "central_xcom",
  key: "xcom_key",
  toColumns: (xcom) => ({
    xcom_key: xcomKeyText(xcom),
    dag_id: toStored(xcom.dag_id),
    run_id: toStored(xcom.run_id),
    task_id: toStored(xcom.task_id),
    map_index: xcom.map_index,
    name: toStored(xcom.key),
    content: toStored(xcom.value),
    stored_at: xcom.storedAt
  }),
  fromColumns: reader(
    "central_xcom",
    Schema.Struct({
      dag_id: Schema.String,
      run_id: Schema.String,
      task_id: Schema.String,
      map_index: Whole,
      name: Schema.String,
      content: Schema.String,
      stored_at: Whole
    }),
    (row) => ({
      dag_id: fromStored(row.dag_id),
      run_id: fromStored(row.run_id),
      task_id: fromStored(row.task_id),
      map_index: Number(row.map_index),
      key: fromStored(row.name),
      value: fromStored(row.content),
      storedAt: Number(row.stored_at)
    })
  )
}

export const variableTable: Table<VariableRecord> = {
  name: "central_variable",
  key: "name",
  toColumns: ({ description, key, value }) => ({
    name: toStored(key),
    content: toStoredOrNull(value),
    description: toStoredOrNull(description)
  }),
  fromColumns: reader(
    "central_variable",
    Schema.Struct({ name: Schema.String, content: TextOrNull, description: TextOrNull }),
    (row) => ({
      key: fromStored(row.name),
      value: fromStoredOrNull(row.content),
      description: fromStoredOrNull(row.description)
    })
  )
}
