/** Accounts: passwords, tokens, sessions, links, and how often one may try. */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Accounts, type Credential } from "../../src/central/Accounts.ts"
import { placeOf } from "../../src/central/Attempts.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { Credentials } from "../../src/platform/Credentials.ts"
import { hash } from "../../src/platform/PasswordHash.ts"

const secret = (text: string) => Redacted.make(text)
const token = (value: Redacted.Redacted): Credential => ({ kind: "token", value })
const session = (value: Redacted.Redacted): Credential => ({ kind: "session", value })

/** A users' file that a test can rewrite. */
const withUsers = (roles: ReadonlyArray<string> = ["view"]) => {
  const file = { text: "" }
  const layer = Layer.unwrap(
    Effect.gen(function* () {
      file.text = JSON.stringify({ ada: { password: yield* hash(secret("lovelace")), roles } })
      return Accounts.layer.pipe(
        Layer.provide([Credentials.layerMemory({ users: () => file.text }), RepositoryMemory.layer])
      )
    })
  )
  return { file, layer }
}

const refused = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  effect.pipe(
    Effect.flip,
    Effect.map((error) => error._tag)
  )

describe("a password", () => {
  it.effect("lets its user in with the roles of the file, and nobody else", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const ada = yield* accounts.logIn("ada", secret("lovelace"), "::1")
      expect([ada.name, [...ada.roles]]).toEqual(["ada", ["view"]])
      expect(yield* refused(accounts.require(ada, "operate"))).toBe("RoleMissing")
      yield* accounts.require(ada, "view")
      expect(yield* refused(accounts.logIn("ada", secret("Lovelace"), "::1"))).toBe("Unauthenticated")
      expect(yield* refused(accounts.logIn("eve", secret("lovelace"), "::1"))).toBe("Unauthenticated")
      expect(yield* refused(accounts.logIn("constructor", secret("x"), "::1"))).toBe("Unauthenticated")
    }).pipe(Effect.provide(withUsers().layer))
  )

  it.effect("can be tried five times from a place, also all at once, and again after 15 minutes", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const tries = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, at) => at),
        (at) => refused(accounts.logIn("ada", secret(`guess ${at}`), "10.0.0.1")),
        { concurrency: "unbounded" }
      )
      expect(tries.filter((tag) => tag === "Unauthenticated")).toHaveLength(5)
      expect(tries.filter((tag) => tag === "TooManyAttempts")).toHaveLength(3)
      expect(yield* refused(accounts.logIn("ada", secret("lovelace"), "10.0.0.1"))).toBe("TooManyAttempts")
      // elsewhere she can still log in
      yield* accounts.logIn("ada", secret("lovelace"), "10.0.0.2")
      yield* TestClock.adjust("15 minutes")
      yield* accounts.logIn("ada", secret("lovelace"), "10.0.0.1")
    }).pipe(Effect.provide(withUsers().layer))
  )

  it.effect("cannot be guessed from many places either", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const tries = yield* Effect.forEach(
        Array.from({ length: 21 }, (_, at) => at),
        (at) => refused(accounts.logIn("ada", secret("guess"), `10.0.0.${at}`)),
        { concurrency: 4 }
      )
      expect(tries.filter((tag) => tag === "TooManyAttempts")).toHaveLength(1)
    }).pipe(Effect.provide(withUsers().layer))
  )
})

describe("whoever guesses", () => {
  it.effect("does not shut out the user where that one has logged in before", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const logIn = (password: string, address: string) => accounts.logIn("ada", secret(password), address)
      yield* logIn("lovelace", "10.0.0.1")
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, at) => at),
        (at) => refused(logIn("guess", `10.0.1.${at}`)),
        { concurrency: 4 }
      )
      expect(yield* refused(logIn("lovelace", "10.0.2.1"))).toBe("TooManyAttempts")
      yield* logIn("lovelace", "10.0.0.1")
      for (let at = 0; at < 5; at++)
        expect(yield* refused(logIn("guess", "10.0.0.1"))).toBe("Unauthenticated")
      expect(yield* refused(logIn("lovelace", "10.0.0.1"))).toBe("TooManyAttempts")
    }).pipe(Effect.provide(withUsers().layer))
  )

  it.effect("has one place, however many addresses of its network", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      for (let at = 0; at < 5; at++)
        yield* refused(accounts.logIn("ada", secret("guess"), `2001:db8:0:1::${at}`))
      expect(yield* refused(accounts.logIn("ada", secret("guess"), "2001:db8:0:1:ffff::9"))).toBe(
        "TooManyAttempts"
      )
      expect(yield* refused(accounts.logIn("ada", secret("guess"), "2001:db8:0:2::1"))).toBe(
        "Unauthenticated"
      )
      expect(["::1", "::ffff:10.0.0.1", "10.0.0.1", "unknown", "fe80::1%eth0"].map(placeOf)).toEqual([
        "0:0:0:0::/64",
        "10.0.0.1",
        "10.0.0.1",
        "unknown",
        "fe80:0:0:0::/64"
      ])
    }).pipe(Effect.provide(withUsers().layer))
  )
})

it.effect("tries count at every central of the store, and so does where somebody has logged in", () =>
  Effect.gen(function* () {
    const password = yield* hash(secret("lovelace"))
    const users = { users: () => JSON.stringify({ ada: { password, roles: ["view"] } }) }
    const central = Layer.build(
      Layer.fresh(Accounts.layer).pipe(Layer.provide(Credentials.layerMemory(users)))
    ).pipe(Effect.map((services) => Context.get(services, Accounts)))
    const [one, two] = [yield* central, yield* central]
    const guess = (accounts: typeof one, address: string) =>
      refused(accounts.logIn("ada", secret("guess"), address))
    yield* one.logIn("ada", secret("lovelace"), "10.0.0.1")
    for (let at = 0; at < 20; at++)
      expect(yield* guess(at % 2 === 0 ? one : two, `10.0.1.${at}`)).toBe("Unauthenticated")
    for (const each of [one, two]) expect(yield* guess(each, "10.0.2.1")).toBe("TooManyAttempts")
    yield* two.logIn("ada", secret("lovelace"), "10.0.0.1")
    yield* TestClock.adjust("15 minutes")
    expect(yield* guess(two, "10.0.2.1")).toBe("Unauthenticated")
  }).pipe(Effect.provide(RepositoryMemory.layer), Effect.scoped)
)

describe("a token", () => {
  it.effect("is good for 24 hours, and is no session", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const value = yield* accounts.issueToken(yield* accounts.logIn("ada", secret("lovelace"), "::1"))
      expect((yield* accounts.authenticate(token(value))).name).toBe("ada")
      expect(yield* refused(accounts.authenticate(session(value)))).toBe("Unauthenticated")
      yield* TestClock.adjust("1439 minutes")
      yield* accounts.authenticate(token(value))
      yield* TestClock.adjust("1 minute")
      expect(yield* refused(accounts.authenticate(token(value)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(withUsers().layer))
  )

  it.effect("ends with its user's password, and keeps to the roles that the user still has", () => {
    const { file, layer } = withUsers(["view", "operate"])
    return Effect.gen(function* () {
      const accounts = yield* Accounts
      const value = yield* accounts.issueToken(yield* accounts.logIn("ada", secret("lovelace"), "::1"))
      file.text = file.text.replace(',"operate"', "")
      expect([...(yield* accounts.authenticate(token(value))).roles]).toEqual(["view"])
      const before = file.text
      file.text = JSON.stringify({ ada: { password: yield* hash(secret("byron")), roles: ["view"] } })
      expect(yield* refused(accounts.authenticate(token(value)))).toBe("Unauthenticated")
      file.text = before
      yield* accounts.authenticate(token(value))
      file.text = "{}"
      expect(yield* refused(accounts.authenticate(token(value)))).toBe("Unauthenticated")
      file.text = "not JSON"
      expect(yield* refused(accounts.authenticate(token(value)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(layer))
  })

  it.effect("of a user who was removed while logging in is nobody's", () => {
    const { file, layer } = withUsers()
    return Effect.gen(function* () {
      const accounts = yield* Accounts
      const ada = yield* accounts.logIn("ada", secret("lovelace"), "::1")
      file.text = "{}"
      const value = yield* accounts.issueToken(ada)
      expect(yield* refused(accounts.authenticate(token(value)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(layer))
  })

  it.effect("of the state folder may do all; a changed or foreign one nothing", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const admin = yield* accounts.authenticate(token(secret("the-admin-token-of-a-test-000000")))
      expect([admin.name, [...admin.roles]]).toEqual(["admin", ["view", "operate", "submit"]])
      const own = Redacted.value(yield* accounts.issueToken(admin))
      for (const text of ["", "the-admin-token-of-a-test-000001", `${own.slice(0, -4)}AAAA`, "__proto__"]) {
        expect(yield* refused(accounts.authenticate(token(secret(text))))).toBe("Unauthenticated")
      }
      expect(yield* refused(accounts.authenticate(session(secret("the-admin-token-of-a-test-000000"))))).toBe(
        "Unauthenticated"
      )
    }).pipe(Effect.provide(withUsers().layer))
  )
})

describe("a session", () => {
  it.effect("and a token are good at every central of the repository, and end at all of them", () => {
    const users = Effect.map(hash(secret("lovelace")), (password) =>
      JSON.stringify({ ada: { password, roles: ["view"] } })
    )
    return Effect.gen(function* () {
      const text = yield* users
      const central = Accounts.pipe(
        Effect.provide(Accounts.layer.pipe(Layer.provide(Credentials.layerMemory({ users: () => text }))), {
          local: true
        })
      )
      const [one, two] = [yield* central, yield* central]
      const ada = yield* one.logIn("ada", secret("lovelace"), "::1")
      const [given, opened] = [yield* one.issueToken(ada), yield* one.startSession(ada)]
      expect((yield* two.authenticate(token(given))).name).toBe("ada")
      expect((yield* two.authenticate(session(opened))).name).toBe("ada")
      const admin = yield* one.startSession(yield* one.redeemLink(Redacted.value(yield* one.makeLink)))
      expect((yield* two.authenticate(session(admin))).name).toBe("admin")
      yield* two.endSession(opened)
      expect(yield* refused(one.authenticate(session(opened)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(RepositoryMemory.layer))
  })

  it.effect("ends after 12 hours, and when its user logs out", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const ada = yield* accounts.logIn("ada", secret("lovelace"), "::1")
      const [first, second] = [yield* accounts.startSession(ada), yield* accounts.startSession(ada)]
      yield* accounts.endSession(first)
      expect(yield* refused(accounts.authenticate(session(first)))).toBe("Unauthenticated")
      expect((yield* accounts.authenticate(session(second))).name).toBe("ada")
      yield* TestClock.adjust("12 hours")
      expect(yield* refused(accounts.authenticate(session(second)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(withUsers().layer))
  )
})

describe("a login link", () => {
  it.effect("is good once, and for 10 minutes", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const [first, second] = [yield* accounts.makeLink, yield* accounts.makeLink]
      expect((yield* accounts.redeemLink(Redacted.value(first))).name).toBe("admin")
      expect(yield* refused(accounts.redeemLink(Redacted.value(first)))).toBe("Unauthenticated")
      yield* TestClock.adjust("10 minutes")
      expect(yield* refused(accounts.redeemLink(Redacted.value(second)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(withUsers().layer))
  )
})
