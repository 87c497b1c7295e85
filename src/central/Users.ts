/** Users: who may log in at the central and what each may do, as `[edge_central] users_file` says it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Role } from "../protocol/CentralApi.ts"

/** `view`: read all there is. `operate`: change workers and cancel jobs. `submit`: give jobs. None includes another. */
export const roles: ReadonlyArray<Role> = Role.literals

/** One user of the file. */
export const User = Schema.Struct({ password: Schema.String, roles: Schema.Array(Role) })
export type User = typeof User.Type

/** The file: a JSON object, by name. */
export const Users = Schema.Record(Schema.String, User)
export type Users = typeof Users.Type

/** The file is not what it must be; nobody of it can log in. Nothing of its text is in the message. */
export class UsersInvalid extends Schema.TaggedError<UsersInvalid>()("UsersInvalid", {
  reason: Schema.String
}) {
  override get message() {
    return `[edge_central] users_file: ${this.reason}`
  }
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Users))

/** Reads the file's text; no text is a file without users. */
export const usersOf = (text: string | undefined): Effect.Effect<Users, UsersInvalid> =>
  text === undefined || text.trim() === ""
    ? Effect.succeed({})
    : decode(text).pipe(
        Effect.mapError(
          () =>
            new UsersInvalid({
              reason: `it must be {"NAME": {"password": "scrypt$…", "roles": ["view", "operate", "submit"]}, …}`
            })
        )
      )

/** The name of whoever holds the state folder's token; no user's. */
export const ADMIN_NAME = "admin"

/** A user of the file, and not something that every object has. */
export const userOf = (users: Users, name: string): User | undefined =>
  name !== ADMIN_NAME && Object.hasOwn(users, name) ? users[name] : undefined

/** What is wrong with a user's name: it stands in comments, logs and the page's head. */
export const nameProblem = (name: string): string | undefined => {
  if (name === ADMIN_NAME) return `${ADMIN_NAME} is who holds the state folder's token`
  if (/^(?:constructor|__proto__|prototype)$/.test(name)) return "take another name"
  return /^[\w.@+-]{1,64}$/.test(name)
    ? undefined
    : "a name has 1 to 64 letters (a to z), digits, and . @ + - _"
}
