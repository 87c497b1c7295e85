/** dags: the ids of our own Dags: a file a Dag, of the same name. */
import { readdirSync } from "node:fs"
import { dagsFolder } from "./environment.ts"

export const dagIds: ReadonlyArray<string> = readdirSync(dagsFolder)
  .filter((name) => name.endsWith(".py"))
  .map((name) => name.slice(0, -3))
