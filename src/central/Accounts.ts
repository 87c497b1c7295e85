/** Accounts: who a person or script is that asks the central, and what they may do. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { Credentials } from "../platform/Credentials.ts"
import { Role } from "../protocol/CentralApi.ts"
import * as Attempts from "./Attempts.ts"
import { type Login, Repository, type RepositoryUnavailable } from "./Repository.ts"
import { ADMIN_NAME, roles, type User, userOf, usersOf } from "./Users.ts"

/** No credential, or one that is not (or no longer) good. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** Known, but not allowed to do this. */
export class RoleMissing extends Schema.TaggedError<RoleMissing>()("RoleMissing", {
  user: Schema.String,
  role: Role
}) {
  override get message() {
    return `${this.user} has no permission to ${this.role}`
  }
}

/** Too many wrong passwords: nothing was looked at. */
export class TooManyAttempts extends Schema.TaggedError<TooManyAttempts>()("TooManyAttempts", {
  retryAfterSeconds: Schema.Int
}) {
  override get message() {
    return `Too many attempts; try again in ${Math.ceil(this.retryAfterSeconds / 60)} minutes`
  }
}

/** Who asks. */
export interface Identity {
  readonly name: string
  readonly roles: ReadonlySet<Role>
}

/** What a request shows: the token of its `Authorization` header, or the cookie of a browser's session. */
export type Credential =
  | { readonly kind: "token"; readonly value: Redacted.Redacted }
  | { readonly kind: "session"; readonly value: Redacted.Redacted }

/** Fails unless the identity has the role. */
export const requireRole = (identity: Identity, role: Role): Effect.Effect<void, RoleMissing> =>
  identity.roles.has(role) ? Effect.void : Effect.fail(new RoleMissing({ user: identity.name, role }))

/** Who holds the state folder's token, or the link that was printed. */
const ADMIN: Identity = { name: ADMIN_NAME, roles: new Set(roles) }

export const TOKEN_SECONDS = 24 * 3600
export const SESSION_SECONDS = 12 * 3600
const LINK_MILLIS = 10 * 60_000

/** The people of the central. */
export class Accounts extends Context.Service<
  Accounts,
  {
    readonly authenticate: (
      credential: Credential
    ) => Effect.Effect<Identity, Unauthenticated | RepositoryUnavailable>
    /** By a password; `address` is where it came from. */
    readonly logIn: (
      user: string,
      password: Redacted.Redacted,
      address: string
    ) => Effect.Effect<Identity, Unauthenticated | TooManyAttempts | RepositoryUnavailable>
    /** A token for scripts, good for 24 hours at every central of the repository. */
    readonly issueToken: (identity: Identity) => Effect.Effect<Redacted.Redacted, RepositoryUnavailable>
    /** What a browser's session cookie holds, good for 12 hours, likewise. */
    readonly startSession: (identity: Identity) => Effect.Effect<Redacted.Redacted, RepositoryUnavailable>
    readonly endSession: (session: Redacted.Redacted) => Effect.Effect<void, RepositoryUnavailable>
    /** The secret of a login link: good once, for 10 minutes. */
    readonly makeLink: Effect.Effect<Redacted.Redacted>
    readonly redeemLink: (secret: string) => Effect.Effect<Identity, Unauthenticated>
    readonly require: (identity: Identity, role: Role) => Effect.Effect<void, RoleMissing>
  }
>()("edge-worker/central/Accounts") {
  static readonly layer = Layer.effect(
    Accounts,
    Effect.gen(function* () {
      const credentials = yield* Credentials
      const repository = yield* Repository
      const attempts = Attempts.make(repository)
      // each takes 16 MiB and a core: guesses must not push out the workers
      const hashing = yield* Semaphore.make(2)
      const nobody = yield* credentials.hash(Redacted.make(yield* credentials.random))
      const links = new Map<string, number>()

      const users = Effect.flatMap(credentials.users, usersOf).pipe(
        Effect.catch((error) =>
          Effect.logWarning(`Nobody of the users' file can log in: ${error.message}`).pipe(Effect.as({}))
        )
      )
      /** Changes with the password, so that what was given for the old one ends with it. */
      const stamp = (user: User) => credentials.digest(user.password)
      /** Random, and kept by its digest: the workers share a secret, so that nothing which that signs may count here. */
      const give = Effect.fnUntraced(function* (identity: Identity, kind: Login["kind"], seconds: number) {
        const now = yield* Clock.currentTimeMillis
        const secret = yield* credentials.random
        const user = identity === ADMIN ? undefined : userOf(yield* users, identity.name)
        yield* repository.addLogin({
          digest: credentials.digest(secret),
          kind,
          user: identity.name,
          roles: [...identity.roles],
          stamp: identity === ADMIN ? null : user === undefined ? "" : stamp(user),
          until: now + seconds * 1000
        })
        return Redacted.make(secret, { label: kind })
      })
      const unknown = new Unauthenticated({ reason: "Invalid credentials" })
      const over = new Unauthenticated({ reason: "Not logged in, or no longer" })

      return Accounts.of({
        authenticate: Effect.fnUntraced(function* ({ kind, value }) {
          const text = Redacted.value(value)
          if (text === "") return yield* over
          if (kind === "token" && credentials.same(text, Redacted.value(credentials.adminToken))) return ADMIN
          const now = yield* Clock.currentTimeMillis
          const login = yield* repository.login(credentials.digest(text))
          if (login === undefined || login.kind !== kind || login.until <= now) return yield* over
          if (login.stamp === null) return ADMIN
          // a user that was removed, or has other roles or another password since, may no longer do what was theirs
          const user = userOf(yield* users, login.user)
          if (user === undefined || stamp(user) !== login.stamp) return yield* over
          return { name: login.user, roles: new Set(user.roles.filter((role) => login.roles.includes(role))) }
        }),
        logIn: Effect.fnUntraced(function* (name, password, address) {
          const wait = yield* attempts.begin({ user: name, address })
          if (wait !== undefined) return yield* new TooManyAttempts({ retryAfterSeconds: wait })
          const user = userOf(yield* users, name)
          // a name that nobody has takes as long as a wrong password
          const right = yield* hashing.withPermits(1)(
            credentials.matches(password, user === undefined ? nobody : user.password)
          )
          if (user === undefined || !right) return yield* unknown
          yield* attempts.succeeded({ user: name, address })
          return { name, roles: new Set(user.roles) }
        }),
        issueToken: (identity) => give(identity, "token", TOKEN_SECONDS),
        startSession: (identity) => give(identity, "session", SESSION_SECONDS),
        endSession: (session) => repository.removeLogin(credentials.digest(Redacted.value(session))),
        makeLink: Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          for (const [digest, until] of links) if (until <= now) links.delete(digest)
          const secret = yield* credentials.random
          links.set(credentials.digest(secret), now + LINK_MILLIS)
          return Redacted.make(secret, { label: "login link" })
        }),
        redeemLink: Effect.fnUntraced(function* (secret) {
          const now = yield* Clock.currentTimeMillis
          const digest = credentials.digest(secret)
          const until = links.get(digest)
          links.delete(digest)
          if (until === undefined || until <= now)
            return yield* new Unauthenticated({ reason: "This login link was used, or is over" })
          return ADMIN
        }),
        require: requireRole
      })
    })
  )
}
