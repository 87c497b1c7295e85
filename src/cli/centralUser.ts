/** centralUser: `edge-worker central-user`: who may log in at the embedded central, and what they may do there. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { nameProblem, roles } from "../central/Users.ts"
import type { Role } from "../protocol/CentralApi.ts"
import { failed, UsageError } from "./CommandFailed.ts"
import { print } from "./print.ts"

const flags = {
  name: Argument.String("name").pipe(Argument.withDescription("The user's name")),
  role: Flag.String("role").pipe(
    Flag.withMetavar("ROLE,…"),
    Flag.withDescription("What the user may do: view, operate, submit; default view"),
    Flag.withDefault("view")
  ),
  remove: Flag.Boolean("remove").pipe(
    Flag.withDescription("Remove the user; sessions and tokens of theirs end at once"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  ),
  stateFolder: Flag.String("state-folder").pipe(
    Flag.withMetavar("FOLDER"),
    Flag.withDescription("The central's private folder; default $AIRFLOW_HOME/edge-central"),
    Flag.optional
  )
}

const SHORTEST = 8

const isRole = (text: string): text is Role => roles.some((role) => role === text)

/** From whoever types it, twice, or else the whole of stdin without its line end. */
const readPassword = Effect.gen(function* () {
  if (process.stdin.isTTY === true) {
    const first = Redacted.value(yield* Prompt.run(Prompt.Password({ message: "Password" })))
    const second = Redacted.value(yield* Prompt.run(Prompt.Password({ message: "The same again" })))
    return first === second ? first : yield* failed("usage", "these were two different passwords")
  }
  return yield* Effect.try({
    try: () => readFileSync(0, "utf8").replace(/\r?\n$/, ""),
    catch: () => failed("usage", "the password could not be read from stdin")
  })
})

export const centralUser = Command.make("central-user", flags, (given) =>
  Effect.gen(function* () {
    const wanted = given.role.split(",").map((role) => role.trim())
    const unknown = wanted.filter((role) => !isRole(role))
    const problem = nameProblem(given.name)
    const problems = [
      ...(problem === undefined ? [] : [problem]),
      ...unknown.map((role) => `--role ${JSON.stringify(role)}: the roles are ${roles.join(", ")}`)
    ]
    if (problems.length > 0) return yield* new UsageError({ command: "edge-worker central-user", problems })
    const password = given.remove ? "" : yield* readPassword
    if (!given.remove && (password.length < SHORTEST || password.length > 1024))
      return yield* failed("usage", `a password has ${SHORTEST} to 1024 characters`)
    const { runCentralUser } = yield* Effect.promise(() => import("./embedded.ts"))
    const done = yield* runCentralUser({
      name: given.name,
      stateFolder: Option.getOrUndefined(Option.map(given.stateFolder, (path) => resolve(path))),
      user: given.remove ? undefined : { password, roles: roles.filter((role) => wanted.includes(role)) }
    })
    yield* print(`${done}\n`)
  })
).pipe(
  Command.withShortDescription("Add, change or remove a user of the embedded central"),
  Command.withDescription(
    [
      "Writes [edge_central] users_file (users.json in the state folder), which only this user can read and which",
      "holds salted hashes. The password is asked for, or read from stdin. A running central needs no restart.",
      "",
      "Exit codes: 0 done; 1 something unexpected; 64 the command line or the password is wrong;",
      "73 the state folder cannot be used; 78 the configuration, or a file it names, is wrong."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "edge-worker central-user ada --role view,operate", description: "Asks for ada's password" },
    { command: "edge-worker central-user ci --role submit < password", description: "From a file" },
    { command: "edge-worker central-user ada --remove", description: "Ends what ada may do" }
  ])
)
