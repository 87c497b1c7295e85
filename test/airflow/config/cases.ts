/** Generated airflow.cfg files and environments, from a fixed seed, for the comparison with Airflow itself. */
import * as fc from "fast-check"
import { variableName } from "../../../src/config/AirflowConfig.ts"
import { allSettings } from "../../../src/config/settings.ts"

export interface Query {
  readonly section: string
  readonly key: string
  readonly team?: string
  readonly method: "get" | "getint" | "getboolean" | "getfloat"
}

export interface Case {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  readonly queries: ReadonlyArray<Query>
}

/** What the secrets backend knows. */
export const secrets = { "known/secret": "from the backend", "empty/secret": "" }

/** Airflow's keys that a worker reads through `conf`; ours and the one it has forgotten are not Airflow's. */
export const comparedKeys = allSettings.filter(
  ({ key, onlyVariables, section }) =>
    onlyVariables === undefined &&
    section !== "edge_worker" &&
    key !== "internal_api_secret_key" &&
    // what they name would be imported, and asked for the others
    key !== "backend" &&
    key !== "secrets_backend"
)

const team = "Red"
const extraKeys = [
  { section: "edge", key: "x" },
  { section: "core", key: "y" },
  { section: "edge", key: "API_URL" },
  { section: "webserver", key: "web_server_ssl_cert" },
  { section: "workers", key: "execution_api_server_url" }
]
const queried = [...comparedKeys.map(({ key, section }) => ({ section, key })), ...extraKeys.slice(0, 3)]

const queries: ReadonlyArray<Query> = [
  ...queried.flatMap((at) => [
    { ...at, method: "get" as const },
    { ...at, method: "get" as const, team }
  ]),
  ...["worker_concurrency", "heartbeat_interval", "x"].flatMap((key) =>
    (["getint", "getboolean", "getfloat"] as const).map((method) => ({ section: "edge", key, method }))
  ),
  { section: "edge", key: "push_logs", method: "getboolean" },
  { section: "edge", key: "push_logs", method: "getboolean", team }
]

const piece = fc.constantFrom(
  ...[
    "30",
    " ",
    "abc",
    "true",
    "F",
    "1_000",
    "0x10",
    "5.0",
    "1e3",
    "-1",
    "http://site:8080/edge_worker/v1/rpcapi"
  ],
  ...["%%", "%(x)s", "%(worker_concurrency)s", "%(deep)s", "%(nowhere)s", "%", "%(x", "%s", "%(X)s", "%()s"],
  ...[
    "$HOME/logs",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Airflow's syntax that is tested.
    "${FOO}",
    "$BAR",
    "$NOT_SET",
    "~",
    "~/dags",
    "~root/x",
    "~nobody-here/x",
    "$LOOP",
    "$",
    "${"
  ],
  ...[
    "# not a comment",
    " ; nor this",
    "=",
    ":",
    "a=b",
    "[x]",
    "{AIRFLOW_HOME}/dags",
    "{",
    "é",
    "\u00a0",
    "\x1c",
    "\x85"
  ]
)
const value = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(""))
const number = fc.constantFrom(
  ...[
    "30",
    " 30 ",
    "30.5",
    "30.0",
    "0x10",
    "1_000",
    "1__0",
    "_1",
    "1e3",
    "1e-1",
    "+5",
    "-0",
    ".5",
    "5.",
    "",
    "30 # x"
  ],
  ...[
    "True",
    "t",
    "F # no",
    "yes",
    "on",
    "1",
    "0",
    "false",
    "1e400",
    "0o7",
    "007",
    "1_0.5",
    "1e1_0",
    "- 1",
    "\u00a07"
  ]
)
const key = fc.constantFrom(
  ...queried.map(({ key }) => key),
  ...[
    "x",
    "x",
    "y",
    "deep",
    "X",
    "Heartbeat_Interval",
    "jwt_secret_cmd",
    "jwt_secret_secret",
    "api_url_cmd",
    "jwt_secret"
  ],
  ...[
    "web_server_ssl_cert",
    "execution_api_server_url",
    "worker_concurrency",
    "heartbeat_interval",
    "push_logs"
  ]
)
const section = fc.constantFrom(
  ...[
    "edge",
    "edge",
    "edge",
    "core",
    "core",
    "api_auth",
    "api_auth",
    "logging",
    "api",
    "scheduler",
    "webserver"
  ],
  ...[
    "workers",
    "DEFAULT",
    "DEFAULT",
    "Edge",
    `${team}=edge`,
    `${team}=edge`,
    `${team}=core`,
    "red=edge",
    "edge] x"
  ]
)
const pointer = fc.constantFrom(
  ...[
    "printf abc",
    "echo 'a b'",
    'echo "a \\" $HOME"',
    "echo a\\ b  c",
    "printf ''",
    "true",
    "false",
    "nowhere-at-all"
  ],
  ...["echo 'open", "known/secret", "empty/secret", "unknown/secret", "echo %%s", "echo ''x\"\"y '' z"]
)
const end = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r")

const optionLine = fc
  .tuple(key, fc.constantFrom(" = ", "=", ": ", ":", " =  ", "\t=\t"), fc.oneof(value, number, pointer))
  .map(([key, delimiter, value]) => `${key}${delimiter}${value}`)
const otherLine = fc.constantFrom("", "  ", "# a comment", "; a comment", "  # an indented comment", "\t")
const moreLine = fc
  .tuple(fc.constantFrom(" ", "    ", "\t", "\u00a0 "), value)
  .map(([indent, text]) => indent + text)

/** Sections that appear once, with keys that appear once: mostly valid. */
const tidyFile = fc
  .uniqueArray(section, { maxLength: 7 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .uniqueArray(optionLine, { maxLength: 6, selector: (line) => line.split(/[=:\s]/)[0] })
          .chain((options) =>
            fc.tuple(
              ...options.map((line) =>
                fc.tuple(fc.constant(line), fc.array(fc.oneof(otherLine, moreLine), { maxLength: 2 }))
              )
            )
          )
          .map((options) => [`[${name}]`, ...options.flatMap(([line, more]) => [line, ...more])])
      )
    )
  )
  .map((sections) => sections.flat())

/** A secret with some of its three keys, which tidyFile rarely has together; each may give nothing. */
const secretFile = fc
  .tuple(
    fc.constantFrom([], [], [], ["jwt_secret = plain"], ["jwt_secret ="]),
    fc.constantFrom(
      [],
      ["jwt_secret_cmd = true"],
      ["jwt_secret_cmd = true"],
      ["jwt_secret_cmd = printf abc"]
    ),
    fc.constantFrom(
      ...["known", "known", "empty", "unknown"].map((name) => [`jwt_secret_secret = ${name}/secret`])
    )
  )
  .map((keys) => ["[api_auth]", ...keys.flat()])

/** Lines in any order: mostly invalid. */
const wildFile = fc.array(
  fc.oneof(
    optionLine,
    optionLine,
    otherLine,
    moreLine,
    section.map((name) => `[${name}]`),
    section.map((name) => ` [${name}] tail`),
    fc.constantFrom("no delimiter", "= no key", "[]", "[open", "\ufeff[edge]", "[ edge ]", ": x")
  ),
  { maxLength: 12 }
)

const environment = fc
  .array(
    fc.tuple(
      fc.constantFrom(...queried, ...queried, ...extraKeys),
      fc.constantFrom(undefined, undefined, team, "other"),
      fc.oneof(value, number)
    ),
    { maxLength: 6 }
  )
  .map((entries) =>
    Object.fromEntries(entries.map(([at, team, value]) => [variableName(at.section, at.key, team), value]))
  )

const pointers = fc
  .array(
    fc.tuple(
      fc.constantFrom("", "", "RED___"),
      fc.constantFrom("API_AUTH__JWT_SECRET", "EDGE__API_URL"),
      fc.constantFrom("_CMD", "_SECRET"),
      pointer
    ),
    { maxLength: 2 }
  )
  .map((entries) =>
    Object.fromEntries(
      entries.map(([team, name, suffix, value]) => [`AIRFLOW__${team}${name}${suffix}`, value])
    )
  )

const surroundings = fc.constantFrom<Readonly<Record<string, string>>>(
  { HOME: "/home/me", FOO: "foo$BAR", BAR: "bar", LOOP: "$LOOP" },
  { HOME: "/", AIRFLOW_HOME: "/opt/air flow", FOO: "~" },
  { AIRFLOW_HOME: "~/af/" },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Airflow's syntax that is tested.
  { HOME: "/home/me/", AIRFLOW_HOME: "$HOME/af", FOO: "${BAR}/x", BAR: "~" }
)

const oneCase = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: tidyFile },
      { weight: 1, arbitrary: secretFile },
      { weight: 1, arbitrary: wildFile }
    ),
    end,
    environment,
    pointers,
    surroundings
  )
  .map(
    ([lines, end, environment, pointers, surroundings]): Case => ({
      file: lines.join(end),
      env: { ...surroundings, ...environment, ...pointers },
      queries
    })
  )

export const generate = (count: number): ReadonlyArray<Case> =>
  fc.sample(oneCase, { numRuns: count, seed: 20261123 })
