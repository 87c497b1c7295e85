/** globalSetup: one PostgreSQL for all files of the suite. */
import type { TestProject } from "vitest/node"
import { startPostgres } from "../../scripts/chaos/postgres.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly postgresUrl: string
  }
}

export default async (project: TestProject) => {
  const postgres = await startPostgres()
  if (typeof postgres === "string") throw new Error(`there is no PostgreSQL: ${postgres}`)
  project.provide("postgresUrl", postgres.url)
  return postgres.stop
}
