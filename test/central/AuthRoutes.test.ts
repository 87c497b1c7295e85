/** How one gets in: by a token, a password, or the link; and that nobody gets in otherwise. */
import { Effect, Layer, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Accounts } from "../../src/central/Accounts.ts"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { Credentials } from "../../src/platform/Credentials.ts"
import { hash } from "../../src/platform/PasswordHash.ts"
import { peopleSite } from "./peopleSite.ts"

let site: ReturnType<typeof peopleSite>
const admin = "the-admin-token-of-a-test-000000"
beforeAll(async () => {
  const password = await Effect.runPromise(hash(Redacted.make("lovelace")))
  const users = JSON.stringify({ ada: { password, roles: ["view"] } })
  site = peopleSite(
    {},
    Accounts.layer.pipe(
      Layer.provide([Credentials.layerMemory({ users: () => users }), RepositoryMemory.layer])
    )
  )
})
afterAll(() => site.dispose())

const cookieOf = (response: { readonly headers: Headers }) => response.headers.get("set-cookie") ?? ""
const session = (response: { readonly headers: Headers }) =>
  /^edge_central_8080=([^;]*)/.exec(cookieOf(response))?.[1] ?? ""

describe("POST /auth/token", () => {
  it("answers as Airflow's SimpleAuthManager does", async () => {
    const json = { username: "ada", password: "lovelace" }
    const given = await site.call("POST", "/auth/token", { json })
    expect(given.status).toBe(201)
    const { access_token: token } = given.json as { readonly access_token: string }
    expect((await site.call("GET", "/edge_worker/ui/worker", { token })).status).toBe(200)
    expect((await site.call("POST", "/edge_worker/ui/worker/w1/shutdown", { token })).status).toBe(403)
    expect((await site.call("POST", "/auth/token", { form: json })).status).toBe(201)
    expect(await site.call("POST", "/auth/token", { json: { ...json, password: "x" } })).toMatchObject({
      status: 401,
      json: { detail: "Invalid credentials" }
    })
    expect(await site.call("POST", "/auth/token", { json: { username: "ada" } })).toMatchObject({
      status: 400,
      json: { detail: "Username and password must be provided" }
    })
    expect(
      (await site.call("POST", "/auth/token", { json: { username: ["ada"], password: {} } })).status
    ).toBe(400)
    expect((await site.call("POST", "/auth/token", { json: "null" })).status).toBe(400)
    expect((await site.call("POST", "/auth/token")).status).toBe(415)
    expect((await site.call("POST", "/auth/token", { json, host: "evil.example" })).status).toBe(403)
    expect((await site.call("POST", "/auth/token", { json, origin: "http://evil.example" })).status).toBe(403)
  })

  it("says how long to wait after too many wrong ones", async () => {
    const guess = () => site.call("POST", "/auth/token", { json: { username: "eve", password: "guess" } })
    for (let at = 0; at < 5; at++) expect((await guess()).status).toBe(401)
    const refused = await guess()
    expect(refused.status).toBe(429)
    const seconds = Number(refused.headers.get("retry-after"))
    expect(seconds).toBeGreaterThan(890)
    expect(seconds).toBeLessThanOrEqual(900)
  })
})

describe("a browser", () => {
  it("logs in with a password, and out", async () => {
    const form = { username: "ada", password: "lovelace" }
    const origin = "http://localhost:8080"
    expect((await site.call("POST", "/login", { form, origin: "http://evil.example" })).status).toBe(403)
    expect((await site.call("POST", "/login", { form })).status).toBe(403)
    const wrong = await site.call("POST", "/login", { form: { ...form, password: "x" }, origin })
    expect([wrong.status, cookieOf(wrong)]).toEqual([401, ""])
    expect(wrong.text).toContain('role="alert">Invalid credentials')
    const entered = await site.call("POST", "/login", { form, origin })
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "./"])
    expect(cookieOf(entered)).toMatch(
      /^edge_central_8080=[\w.-]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/
    )
    const as = session(entered)
    expect((await site.call("GET", "/", { as })).text).toContain("<span>ada</span>")
    // it is for pages, not for scripts
    expect((await site.call("GET", "/edge_worker/ui/worker", { token: as })).status).toBe(401)
    expect((await site.call("POST", "/logout", { as, origin: "http://evil.example" })).status).toBe(403)
    const left = await site.call("POST", "/logout", { as })
    expect(cookieOf(left)).toContain("Max-Age=0")
    expect((await site.call("GET", "/", { as })).status).toBe(303)
  })

  it("keeps the cookie to encrypted connections where the central has one", async () => {
    const secure = peopleSite(
      { publicUrl: new URL("https://central.example") },
      Accounts.layer.pipe(Layer.provide([Credentials.layerMemory({}), RepositoryMemory.layer]))
    )
    const link = await secure.run(Accounts.use(({ makeLink }) => makeLink))
    const entered = await secure.call("GET", `/login?link=${Redacted.value(link)}`, {
      host: "central.example"
    })
    expect(cookieOf(entered)).toContain("; Secure")
    await secure.dispose()
  })
})

describe("the link", () => {
  const make = async () => {
    const { json, status } = await site.call("POST", "/auth/link", { token: admin })
    expect(status).toBe(201)
    return `/${(json as { readonly path: string }).path}`
  }

  it("is made with the admin token only", async () => {
    const { json } = await site.call("POST", "/auth/token", {
      json: { username: "ada", password: "lovelace" }
    })
    const { access_token: token } = json as { readonly access_token: string }
    expect((await site.call("POST", "/auth/link", { token })).status).toBe(403)
    expect((await site.call("POST", "/auth/link")).status).toBe(401)
  })

  it("logs in once; what looks ahead does not use it up", async () => {
    const link = await make()
    expect(cookieOf(await site.call("HEAD", link))).toBe("")
    expect(cookieOf(await site.call("GET", link, { headers: { "sec-purpose": "prefetch" } }))).toBe("")
    expect((await site.call("GET", link, { host: "evil.example" })).status).toBe(403)
    const entered = await site.call("GET", link)
    expect(entered.status).toBe(200)
    expect(entered.text).toContain('content="0;url=./"')
    const as = session(entered)
    expect((await site.call("GET", "/", { as })).text).toContain("<span>admin</span>")
    const again = await site.call("GET", link)
    expect([again.status, cookieOf(again)]).toEqual([401, ""])
    expect((await site.call("GET", "/login?link=guess")).status).toBe(401)
  })

  it("stands in the audit log, and so does every login", async () => {
    const actions = (await site.audits()).map(({ action, user }) => `${user}: ${action}`)
    expect(actions[0]).toBe("admin: log in by link")
    expect(new Set(actions)).toEqual(new Set(["admin: log in by link", "ada: log in", "ada: issue token"]))
  })
})
