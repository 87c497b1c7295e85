/** Makes docs/config.md of src/config/settings.ts and centralSettings.ts; with `--check` it says whether the page is current. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { allCentralSettings, centralSection } from "../src/config/centralSettings.ts"
import { allSettings, ownSection, type Setting } from "../src/config/settings.ts"

const page = join(import.meta.dirname, "..", "docs", "config.md")

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const row = (setting: Setting<unknown>) => {
  const { section, key, sentence, type, onlyVariables, secret } = setting
  const name =
    onlyVariables === undefined
      ? `\`[${section}] ${key}\``
      : onlyVariables.map((variable) => `\`${variable}\``).join(", else ")
  const fallback = setting.default === undefined ? "" : `\`${setting.default}\``
  return `| ${name} | ${fallback} | ${cell(type.words)} | ${cell(sentence)}${secret === true ? " A secret." : ""} |`
}
const rows = allSettings.map(row)
const centrals = allCentralSettings.map(row)

const own = rows.filter((row) => row.startsWith(`| \`[${ownSection}]`))
const airflows = rows.filter((row) => !own.includes(row))
const centralOwn = centrals.filter((row) => row.startsWith(`| \`[${centralSection}]`))
const centralAirflows = centrals.filter((row) => !centralOwn.includes(row))
const head = ["| key | default | allowed | |", "| --- | --- | --- | --- |"]

/** The page. Generated: change settings.ts instead. */
const text = `# Settings

<!-- made by \`node scripts/generate-config-docs.ts\` from src/config/settings.ts and centralSettings.ts -->

A worker reads Airflow's own configuration: the file \`$AIRFLOW_CONFIG\`, else \`$AIRFLOW_HOME/airflow.cfg\`, else
\`~/airflow/airflow.cfg\`, in the syntax of Python's configparser; and before it the environment. For \`[section] key\` these are
looked at in this order, as in Airflow: \`AIRFLOW__SECTION__KEY\`, for a secret also \`AIRFLOW__SECTION__KEY_CMD\` and
\`AIRFLOW__SECTION__KEY_SECRET\`; then \`key\`, \`key_cmd\` and \`key_secret\` in the file; then the default. With \`--team-name\` the
team's own keys come first: \`AIRFLOW__TEAM___SECTION__KEY\` and \`[team=section]\`. Where the team has none, the value without a
team is used; Airflow would go on to the default.

Option names keep their case. In a value \`$NAME\` and a leading \`~\` are replaced; \`{AIRFLOW_HOME}\` only in \`[${ownSection}]\`,
in \`[${centralSection}]\` and in defaults, as Airflow does not replace it in its own keys either. The output of a command is used with its line end, as in
Airflow: let it print none.

All mistakes are said at once, before anything starts: the key, where it was found, what was read and what is allowed. An unknown
key in \`[${ownSection}]\` is a mistake too, and for a central one in \`[${centralSection}]\`.

## Ours

${[...head, ...own].join("\n")}

## Airflow's

${[...head, ...airflows].join("\n")}

## The embedded central's

What \`edge-worker central\` reads, in the same way and from the same places.

${[...head, ...centralOwn].join("\n")}

Airflow's own, with Airflow's defaults:

${[...head, ...centralAirflows].join("\n")}
`

if (!process.argv.includes("--check")) writeFileSync(page, text)
else if (readFileSync(page, "utf8") !== text) {
  process.stderr.write("docs/config.md is not current: run `node scripts/generate-config-docs.ts`\n")
  process.exit(1)
}
