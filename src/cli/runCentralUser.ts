/** runCentralUser: writes the file of those who may log in at the central, which reads it anew at each login. */
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type Users, usersOf } from "../central/Users.ts"
import { CentralConfig } from "../config/CentralConfig.ts"
import { ConfigSources } from "../platform/ConfigSources.ts"
import { hash } from "../platform/PasswordHash.ts"
import * as PrivateFile from "../platform/PrivateFile.ts"
import * as PrivateFolder from "../platform/PrivateFolder.ts"
import type { Role } from "../protocol/CentralApi.ts"
import { centralConfig } from "./centralParts.ts"

/** A user as they shall be; `undefined` removes them. Plain values: the flags' bundle is another one. */
export interface UserChange {
  readonly name: string
  readonly stateFolder: string | undefined
  readonly user: { readonly password: string; readonly roles: ReadonlyArray<Role> } | undefined
}

/** Gives what was done, as a sentence. */
export const runCentralUser = ({ name, stateFolder, user }: UserChange): Effect.Effect<string, unknown> =>
  Effect.gen(function* () {
    const settings = yield* CentralConfig
    const file = settings.usersFile
    if (dirname(file) === settings.stateFolder)
      yield* PrivateFolder.ensure(settings.stateFolder, "[edge_central] state_folder")
    const before = yield* Effect.flatMap(PrivateFile.read(file), usersOf)
    const known = Object.hasOwn(before, name)
    if (user === undefined && !known) return `${file} has no user ${name}`
    const { [name]: _, ...others } = before
    const after: Users =
      user === undefined
        ? others
        : { ...others, [name]: { password: yield* hash(Redacted.make(user.password)), roles: user.roles } }
    yield* PrivateFile.write(file, `${JSON.stringify(after, undefined, 2)}\n`)
    if (user === undefined) return `${name} is removed from ${file}`
    return `${name} may ${user.roles.join(", ")}: ${known ? "changed" : "added"} in ${file}`
  }).pipe(Effect.provide(centralConfig({ stateFolder }).pipe(Layer.provide(ConfigSources.layer))))
