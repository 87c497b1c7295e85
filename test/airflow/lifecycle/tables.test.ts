/** The tables that the lifecycle is compared with are still what the installed edge3 prints. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { expect, inject, test } from "vitest"
import { find } from "../../../scripts/airflow/site.ts"
import tables from "../../protocol/fixtures/lifecycle-edge3-5.1.0.json" with { type: "json" }

test("answer on 144 pairs and report on every (jobs, drain, maintenance) are what edge3 prints", () => {
  const site = find(inject("siteFolder"))
  if (site === undefined) throw new Error("no site runs")
  const printed = execFileSync(
    join(site.folder, "venv", "bin", "python"),
    [join(import.meta.dirname, "print_tables.py")],
    { env: { ...site.environment }, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
  )
  expect(JSON.parse(printed.slice(printed.indexOf("{")))).toEqual(tables)
})
