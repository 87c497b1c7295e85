/** commandTable: which tasks run a command of this machine instead of Python, from `[edge_worker] commands`. */
import * as Option from "effect/Option"
import type { SettingType } from "./settingTypes.ts"

/** A program and its arguments; no shell ever reads it. */
export type CommandLine = readonly [program: string, ...args: ReadonlyArray<string>]

/** By `dag_id.task_id` or `dag_id.*`. */
export type CommandTable = ReadonlyMap<string, CommandLine>

/** The program is an absolute path, or a name that the worker's PATH leads to: a job has no folder to begin at. */
const isCommandLine = (value: unknown): value is CommandLine =>
  Array.isArray(value) &&
  value.every((word) => typeof word === "string" && !word.includes("\0")) &&
  /^\/|^[^/]+$/.test(value[0] ?? "")

const isKey = (key: string) => /^.+\..+$/.test(key)

/** A JSON object; the first entry that does not fit makes all of it a mistake. */
export const commandTable: SettingType<CommandTable> = {
  words:
    'a JSON object that gives each "dag_id.task_id" (or "dag_id.*") a list of the program (an absolute path, or a name ' +
    'on the PATH) and its arguments, as in {"reports.build": ["/opt/reports/build", "--all"]}',
  decode: (text) => {
    if (!text?.trim()) return Option.some(new Map())
    try {
      const found: unknown = JSON.parse(text)
      if (typeof found !== "object" || found === null || Array.isArray(found)) return Option.none()
      const entries: ReadonlyArray<[string, unknown]> = Object.entries(found)
      const fits = (entry: [string, unknown]): entry is [string, CommandLine] =>
        isKey(entry[0]) && isCommandLine(entry[1])
      return entries.every(fits) ? Option.some(new Map(entries)) : Option.none()
    } catch {
      return Option.none()
    }
  }
}

/** The command for a task: its own entry, else that of its Dag. */
export const commandFor = (
  table: CommandTable,
  { dag_id, task_id }: { readonly dag_id: string; readonly task_id: string }
): CommandLine | undefined => table.get(`${dag_id}.${task_id}`) ?? table.get(`${dag_id}.*`)
