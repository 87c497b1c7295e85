/** Credentials: the files, hashes and random numbers that people's access to the central rests on. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { CentralConfig } from "../config/CentralConfig.ts"
import * as PasswordHash from "./PasswordHash.ts"
import * as PrivateFile from "./PrivateFile.ts"
import { SecretFile } from "./SecretFile.ts"

/** The machine's part of `Accounts`. */
export class Credentials extends Context.Service<
  Credentials,
  {
    /** The text of `[edge_central] users_file`; `undefined` where there is none. Read anew each time. */
    readonly users: Effect.Effect<string | undefined, PrivateFile.PrivateFileUnusable>
    /** What whoever can read the state folder may show instead of a password. */
    readonly adminToken: Redacted.Redacted
    /** 256 bits that nobody can guess. */
    readonly random: Effect.Effect<string>
    readonly hash: (password: Redacted.Redacted) => Effect.Effect<string>
    readonly matches: (password: Redacted.Redacted, hash: string) => Effect.Effect<boolean>
    /** Compares without telling by the time how much of it fits. */
    readonly same: (a: string, b: string) => boolean
    /** A short name for a text that tells nothing of it. */
    readonly digest: (text: string) => string
  }
>()("edge-worker/platform/Credentials") {
  /** `admin-token` lies in the state folder, made at the first start. */
  static readonly layer = Layer.effect(
    Credentials,
    Effect.gen(function* () {
      const { stateFolder, usersFile } = yield* CentralConfig
      const { readOrMake } = yield* SecretFile
      const admin = yield* readOrMake(stateFolder, "admin-token")
      return make(Redacted.value(admin.secret), PrivateFile.read(usersFile))
    })
  )

  /** The same without files, for tests. */
  static readonly layerMemory = (options: {
    readonly users?: () => string | undefined
    readonly adminToken?: string
  }) =>
    Layer.sync(Credentials, () =>
      make(
        options.adminToken ?? "the-admin-token-of-a-test-000000",
        Effect.sync(() => options.users?.())
      )
    )
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest()

const make = (
  adminToken: string,
  users: Effect.Effect<string | undefined, PrivateFile.PrivateFileUnusable>
) => {
  return Credentials.of({
    users,
    adminToken: Redacted.make(adminToken, { label: "admin token" }),
    random: Effect.sync(() => randomBytes(32).toString("base64url")),
    hash: PasswordHash.hash,
    matches: PasswordHash.matches,
    same: (a, b) => timingSafeEqual(digestOf(a), digestOf(b)),
    digest: (text) => digestOf(text).toString("base64url")
  })
}
