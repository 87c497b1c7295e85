/** PasswordHash: passwords as salted scrypt hashes, `scrypt$N$r$p$SALT$HASH`. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** 16 MiB and about 60 ms a password; what is stored names its own cost, so that it can be raised later. */
const COST = { N: 16384, r: 8, p: 1 }
const LENGTH = 32

const derive = (password: string, salt: Buffer, cost: typeof COST, length: number) =>
  Effect.callback<Buffer, Error>((resume) => {
    // a password is the same however its accents were typed
    scrypt(password.normalize("NFKC"), salt, length, { ...cost, maxmem: 256 * 1024 * 1024 }, (error, key) =>
      resume(error === null ? Effect.succeed(key) : Effect.fail(error))
    )
  })

/** A new hash, under a salt of its own. */
export const hash = (password: Redacted.Redacted): Effect.Effect<string> =>
  Effect.suspend(() => {
    const salt = randomBytes(16)
    return derive(Redacted.value(password), salt, COST, LENGTH).pipe(
      Effect.orDie,
      Effect.map(
        (key) =>
          `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString("base64url")}$${key.toString("base64url")}`
      )
    )
  })

const stored = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,})\$([\w-]{22,})$/

/** Whether the text is a hash as `hash` makes them. */
export const isHash = (text: string): boolean => stored.test(text)

/** Whether the password is the one that was hashed; false as well for a text that is no hash. */
export const matches = (password: Redacted.Redacted, text: string): Effect.Effect<boolean> => {
  const [, n, r, p, salt = "", key = ""] = stored.exec(text) ?? []
  if (n === undefined) return Effect.succeed(false)
  const expected = Buffer.from(key, "base64url")
  return derive(
    Redacted.value(password),
    Buffer.from(salt, "base64url"),
    { N: Number(n), r: Number(r), p: Number(p) },
    expected.length
  ).pipe(
    Effect.map((found) => timingSafeEqual(found, expected)),
    Effect.orElseSucceed(() => false)
  )
}
