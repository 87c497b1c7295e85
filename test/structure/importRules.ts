/** importRules: who may import whom (design: layout), as data, and the sentences that say why not. */
import type { Source } from "./sources.ts"

/** What each folder may name besides itself. All but protocol/ may name the service tags of platform/. */
export const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  protocol: [],
  config: ["protocol", "platform"],
  task: ["protocol"],
  observability: ["protocol", "config", "platform"],
  platform: ["protocol", "config"],
  management: ["protocol", "config", "observability", "platform"],
  runner: ["protocol", "task", "config", "observability", "platform"],
  worker: ["protocol", "config", "observability", "platform", "runner"],
  central: ["protocol", "config", "observability", "platform"],
  testing: ["protocol", "task", "config", "observability", "platform", "runner", "worker", "central"],
  cli: [
    "protocol",
    "task",
    "config",
    "observability",
    "platform",
    "management",
    "runner",
    "worker",
    "central",
    "testing"
  ],
  "": ["protocol", "config", "observability", "platform", "runner", "worker", "central"]
}

const why: Readonly<Record<string, string>> = {
  protocol: "protocol/ is what both ends agree on: pure, so that either end and any test can use it alone.",
  config: "config/ knows the protocol's words and the platform's services, and nothing that is built on it.",
  task: "task/ is what a person writes tasks with; it knows the protocol and nothing of the worker that runs them.",
  observability: "observability/ is told what happens; it knows none of those who tell it.",
  platform: "platform/ is the machine below the worker; it must not know what is built on it.",
  management: "management/ speaks to a site about its workers; it is none of them, and knows none.",
  runner: "a runner starts jobs for whoever asks; it does not know the worker.",
  worker: "worker/ and central/ never import each other: they meet in protocol/.",
  central: "central/ and worker/ never import each other: they meet in protocol/.",
  testing: "testing/ is exported to programs that embed a worker; they have no command line.",
  cli: "nothing is above cli/.",
  "": "src/index.ts is the library's entry: no command line and no test helpers in it."
}

/** What runs alone, with Effect and nothing else. */
const pure = ["protocol", "task"]
const foldersOfTheMachine = ["platform", "cli"]
const isOfTheMachine = (specifier: string) =>
  specifier.startsWith("node:") ||
  specifier === "jose" ||
  specifier.startsWith("jose/") ||
  specifier.startsWith("@effect/platform-node")

/** One sentence for each import that the table does not allow. */
export const importProblems = (source: Source): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const allowed = mayImport[source.folder]
  if (allowed === undefined) return [`src/${source.path}: ${source.folder}/ is not a folder of the design`]
  const say = (specifier: string, reason: string) =>
    problems.push(`src/${source.path} imports ${specifier}: ${reason}`)
  for (const { specifier, folder } of source.imports) {
    if (folder !== undefined) {
      if (folder !== source.folder && !allowed.includes(folder))
        say(specifier, why[source.folder] ?? "not in the table")
      if (folder === "" && source.folder !== "") say(specifier, "src/index.ts is for users, not for us.")
      if (!/\.(ts|json)$/.test(specifier))
        say(specifier, "Node runs src/ as it is: write the file's extension.")
    } else if (specifier === "effect") {
      say(specifier, "the barrel doubles the start of what is not bundled; import effect/MODULE.")
    } else if (isOfTheMachine(specifier) && !foldersOfTheMachine.includes(source.folder)) {
      say(
        specifier,
        "the machine (node:, @effect/platform-node, jose) is touched in platform/ and cli/ only."
      )
    } else if (pure.includes(source.folder) && !specifier.startsWith("effect/")) {
      say(specifier, why[source.folder] ?? "")
    }
  }
  return problems
}

/** Where layers of the platform may be built; elsewhere only its service tags may be named. */
const builders = ["platform", "cli", "testing"]

/** The classes of platform/ that are services, with the file of each. */
export const platformServices = (all: ReadonlyArray<Source>): ReadonlySet<string> =>
  new Set(
    all
      .filter((source) => source.folder === "platform")
      .flatMap((source) => [...source.code.matchAll(/export class (\w+) extends Context\.Service/g)])
      .map((found) => found[1] ?? "")
  )

/** One sentence for each `X.layer…` of a platform service, or imported `layer…` of platform/, outside the builders. */
export const layerProblems = (source: Source, services: ReadonlySet<string>): ReadonlyArray<string> => {
  if (builders.includes(source.folder) || source.path === "index.ts") return []
  const imported = [...source.code.matchAll(/import\s*\{([^}]*)\}\s*from\s*"([^"]*\/platform\/[^"]*)"/g)]
  const layers = imported
    .flatMap((found) => (found[1] ?? "").split(","))
    .map((name) => name.trim())
    .filter((name) => /^layer([A-Z]|$)/.test(name))
  const built = [...source.code.matchAll(/\b([A-Z]\w+)\.(layer\w*)/g)]
    .filter((found) => services.has(found[1] ?? ""))
    .map((found) => `${found[1]}.${found[2]}`)
  return [...layers, ...built].map(
    (name) =>
      `src/${source.path} builds ${name}: only cli/ and testing/ choose the machine's layers; ` +
      "name the service and leave it in the layer's requirements."
  )
}
