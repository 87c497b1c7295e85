/** Makes `src/central/ui/generated/assets.ts` of htmx and our own script and stylesheet: the pages need no network. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const ui = join(root, "src", "central", "ui")

/** By the name under which a page asks for it. */
const files = {
  "app.js": join(ui, "assets", "app.js"),
  "htmx.js": join(root, "node_modules", "htmx.org", "dist", "htmx.min.js"),
  "style.css": join(ui, "assets", "style.css")
}

/** The module's text. htmx (0BSD) is as it was published, without the pointer to its source map. */
export const embedded = (): string => {
  const entries = Object.entries(files).map(([name, path]) => {
    const text = readFileSync(path, "utf8").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n")
    return `  ${JSON.stringify(name)}: ${JSON.stringify(text)}`
  })
  return `/** assets: htmx, and the script and stylesheet of the pages; made by \`node scripts/embed-ui.ts\`, not by hand. */
export const assets = {
${entries.join(",\n")}
}
`
}

if (import.meta.main) writeFileSync(join(ui, "generated", "assets.ts"), embedded())
