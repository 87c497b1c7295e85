/** XComRecord: a value that a task left, and a variable, as the central keeps them. */

/** What names an XCom. */
export interface XComKey {
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  /** -1: not one of several. */
  readonly map_index: number
  readonly key: string
}

/** It goes with the last job of its run. */
export interface XComRecord extends XComKey {
  /** JSON, as the task wrote it. */
  readonly value: string
  /** Epoch milliseconds of the central's clock. */
  readonly storedAt: number
}

/** Which XComs: all that fit every part that is given, exactly. */
export interface XComFilter {
  readonly dag_id: string
  readonly task_id: string
  readonly run_id?: string | undefined
  readonly map_index?: number | undefined
  readonly key?: string | undefined
}

/** A variable that a task has set. */
export interface VariableRecord {
  readonly key: string
  readonly value: string | null
  readonly description: string | null
}
