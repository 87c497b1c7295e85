/** Credentials: the files, hashes, random numbers and signatures that people's access to the central rests on. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose/jwt/sign"
import { jwtVerify } from "jose/jwt/verify"
import { CentralConfig } from "../config/CentralConfig.ts"
import * as PasswordHash from "./PasswordHash.ts"
import * as PrivateFile from "./PrivateFile.ts"
import { SecretFile } from "./SecretFile.ts"

/** What `seal` signs: who, until when (epoch seconds), and what else. */
export interface Sealed {
  readonly aud: string
  readonly sub: string
  readonly exp: number
  readonly [claim: string]: unknown
}

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
    readonly seal: (claims: Sealed) => Effect.Effect<string>
    /** What was sealed here for that audience and is not over. */
    readonly unseal: (
      sealed: string,
      audience: string,
      nowMillis: number
    ) => Effect.Effect<Sealed | undefined>
  }
>()("edge-worker/platform/Credentials") {
  /** `accounts-key` and `admin-token` lie in the state folder, made at the first start. */
  static readonly layer = Layer.effect(
    Credentials,
    Effect.gen(function* () {
      const { stateFolder, usersFile } = yield* CentralConfig
      const { readOrMake } = yield* SecretFile
      const key = yield* readOrMake(stateFolder, "accounts-key")
      const admin = yield* readOrMake(stateFolder, "admin-token")
      return make(Redacted.value(key.secret), Redacted.value(admin.secret), PrivateFile.read(usersFile))
    })
  )

  /** The same without files, for tests. */
  static readonly layerMemory = (options: {
    readonly users?: () => string | undefined
    readonly adminToken?: string
  }) =>
    Layer.sync(Credentials, () =>
      make(
        randomBytes(32).toString("base64url"),
        options.adminToken ?? "the-admin-token-of-a-test-000000",
        Effect.sync(() => options.users?.())
      )
    )
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest()

const make = (
  key: string,
  adminToken: string,
  users: Effect.Effect<string | undefined, PrivateFile.PrivateFileUnusable>
) => {
  const bytes = new TextEncoder().encode(key)
  return Credentials.of({
    users,
    adminToken: Redacted.make(adminToken, { label: "admin token" }),
    random: Effect.sync(() => randomBytes(32).toString("base64url")),
    hash: PasswordHash.hash,
    matches: PasswordHash.matches,
    same: (a, b) => timingSafeEqual(digestOf(a), digestOf(b)),
    digest: (text) => digestOf(text).toString("base64url").slice(0, 16),
    seal: (claims) =>
      Effect.promise(() => new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256" }).sign(bytes)),
    unseal: (sealed, audience, nowMillis) =>
      Effect.tryPromise(() =>
        jwtVerify(sealed, bytes, {
          algorithms: ["HS256"],
          audience,
          requiredClaims: ["exp", "sub"],
          currentDate: new Date(nowMillis)
        })
      ).pipe(
        // jose has checked that these three are there
        Effect.map(({ payload }) => payload as unknown as Sealed),
        Effect.orElseSucceed(() => undefined)
      )
  })
}
