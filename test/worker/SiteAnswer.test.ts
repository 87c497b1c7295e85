/** What an answer that is no success means: in words, and in what may have been done. */
import { describe, expect, it } from "vitest"
import {
  type Answer,
  type Asked,
  ahead,
  broken,
  detail,
  retryAfter,
  unavailable
} from "../../src/worker/SiteAnswer.ts"

const at = Date.UTC(2026, 2, 4, 5, 6, 7)
const date = (seconds: number) => new Date(at + seconds * 1000).toUTCString()
const asked: Asked = {
  operation: "fetch",
  site: "https://site.test/edge_worker/v1/",
  sentMillis: at,
  nowMillis: at + 500,
  leewayMillis: 10_000
}
const answer = (changes: Partial<Answer> = {}): Answer => ({ status: 500, headers: {}, body: "", ...changes })
const html = { "content-type": "text/html; charset=utf-8" }
const reason = (changes: Partial<Answer>) => unavailable(answer(changes), asked).reason

describe("the site's own words", () => {
  it("are one line, without tokens, at most 1000 characters", () => {
    const said = (text: unknown) => detail(answer({ body: JSON.stringify({ detail: text }) }))
    expect(said("  two\n\n lines ")).toBe("two lines")
    expect(said("bad eyJhbGci.eyJ-_x.abc, then eyJ")).toBe("bad <token>, then eyJ")
    expect(said("x".repeat(1001))).toBe("x".repeat(1000))
  })

  it("of a refused body are each place and what is wrong with it", () => {
    const body = {
      detail: [
        { loc: ["body", "jobs", 0], msg: "is\nwrong", input: "secret" },
        { loc: ["path"], msg: "x".repeat(1000) }
      ]
    }
    expect(detail(answer({ body: JSON.stringify(body) }))).toBe(
      `body.jobs.0: is wrong; path: ${"x".repeat(1000)}`.slice(0, 1000)
    )
  })

  it.each(["", "null", "<html>", '{"detail": 3}', '{"other": "x"}'])("are not %j", (body) => {
    expect(detail(answer({ body }))).toBeUndefined()
  })
})

describe("a gateway's page", () => {
  it.each<readonly [string, Partial<Answer>, string]>([
    ["by its type", { headers: html, body: "no" }, "a gateway answered with HTML"],
    ["by its doctype", { body: "\n <!DOCTYPE html>" }, "a gateway answered with HTML"],
    ["by its root", { body: "<HTML><body>" }, "a gateway answered with HTML"],
    [
      "with a title",
      { body: `<html><TITLE>502 \n Bad eyJtoken ${"x".repeat(100)}</title>` },
      `a gateway answered with HTML ("${`502 Bad <token> ${"x".repeat(100)}`.slice(0, 80)}")`
    ],
    ["with an empty title", { body: "<html><title></title>" }, "a gateway answered with HTML"]
  ])("is known %s", (_, changes, said) => {
    expect(reason(changes)).toBe(`HTTP 500 from ${asked.site}: ${said}`)
  })

  it.each(["plain <html> text", "<p>", ""])("is not %j", (body) => {
    expect(reason({ body })).toBe(`HTTP 500 from ${asked.site}`)
  })

  it("is the reason of a success that is none; else what is wrong with the body", () => {
    expect(broken(answer({ status: 200, headers: html }), asked, "its body is not JSON")).toMatchObject({
      reason: `HTTP 200 from ${asked.site}, but a gateway answered with HTML`,
      operation: "fetch",
      status: 200,
      fromSite: false,
      ambiguous: true
    })
    expect(broken(answer({ status: 200 }), asked, "its body is not JSON").reason).toBe(
      `HTTP 200 from ${asked.site}, but its body is not JSON`
    )
  })
})

describe("Retry-After", () => {
  const wait = (value: string | undefined, sent?: string) =>
    retryAfter(answer({ headers: { "retry-after": value, date: sent } }), at)

  it.each<readonly [string | undefined, number | undefined]>([
    ["7", 7_000],
    [" 12 ", 12_000],
    ["0", 0],
    ["3600", 3_600_000],
    ["3601", 3_600_000],
    ["7.5", undefined],
    ["-7", undefined],
    ["7 s", undefined],
    ["soon", undefined],
    [undefined, undefined],
    [date(90), 90_000],
    [date(-90), 0],
    [date(7200), 3_600_000]
  ])("%j is %j ms", (value, millis) => {
    expect(wait(value)).toBe(millis)
  })

  it("a date is compared with the answer's own", () => {
    expect(wait(date(90), date(60))).toBe(30_000)
  })

  it("counts only where the site may ask for it", () => {
    const told = (status: number) =>
      unavailable(answer({ status, headers: { "retry-after": date(10) } }), asked).retryAfterMillis
    expect([429, 503, 500, 404, 301].map(told)).toEqual([9_500, 9_500, undefined, undefined, undefined])
  })
})

describe("the time of an answer", () => {
  const by = (seconds: number | undefined, took = 500) =>
    ahead(answer({ headers: seconds === undefined ? {} : { date: date(seconds) } }), {
      sentMillis: at,
      nowMillis: at + took
    })

  it.each([
    [undefined, 0],
    [0, 0],
    [-1, 1_000],
    [-100, 100_000],
    [1, 0],
    [2, -1_000],
    [100, -99_000]
  ])("%j s from ours: ours is %j ms ahead", (seconds, millis) => {
    expect(by(seconds) + 0).toBe(millis)
  })

  it("may be any between asking and answer", () => {
    expect(by(20, 20_000) + 0).toBe(0)
    expect(by(21, 20_000)).toBe(-1_000)
  })
})

describe("a likely cause", () => {
  const known = (status: number, changes: Partial<Answer> = {}) =>
    reason({ status, ...changes }).slice(`HTTP ${status} from ${asked.site}`.length)

  it("of a refusal is the clocks of the site, where they differ by more than the leeway", () => {
    expect(known(403, { headers: { date: date(-11) } })).toContain("answers are 11 s apart")
    expect(known(401, { headers: { date: date(12) } })).toContain("answers are 11 s apart")
    expect(known(403, { headers: { date: date(-10) } })).toMatch(/^: \[api_auth\] jwt_secret differs/)
    expect(known(403, { headers: html })).toBe(
      ": the site is in maintenance, or the gateway does not let this machine in; a gateway answered with HTML"
    )
  })

  it("of a redirect is where it goes, without what may be secret", () => {
    const to = (location: string | undefined) =>
      /redirects to (.*), which is not/.exec(known(302, { headers: { location } }))?.[1]
    expect(to("https://me:word@other.test:8/a/b?token=c#d")).toBe("https://other.test:8/a/b")
    expect(to("/a/b?token=c")).toBe("/a/b")
    expect(to("/a/b#token=c")).toBe("/a/b")
    expect(to("a")).toBe("a")
    expect(to(undefined)).toBe("nowhere")
    expect(to(`/${"x".repeat(400)}`)).toHaveLength(300)
  })

  it.each([
    [299, ""],
    [300, "redirects to nowhere"],
    [399, "redirects to nowhere"],
    [400, ""],
    [404, "there is no Edge API"],
    [405, "there is no Edge API"],
    [406, ""],
    [407, "the proxy wants credentials"],
    [413, "larger than a gateway allows"],
    [429, "fewer requests"],
    [500, ""],
    [503, "overloaded or in maintenance"]
  ])("of %i: %j", (status, words) => {
    if (words === "") expect(known(status)).toBe("")
    else expect(known(status)).toContain(words)
  })
})

it.each([
  [199, false],
  [200, true],
  [299, true],
  [300, false],
  [404, false],
  [499, false],
  [500, true],
  [504, true]
])("after %i the site may have done it: %j", (status, ambiguous) => {
  expect(unavailable(answer({ status }), asked)).toMatchObject({ status, ambiguous, fromSite: false })
})

it("an answer of the site says so, with its words last", () => {
  const body = JSON.stringify({ detail: "Not Found" })
  expect(unavailable(answer({ status: 404, body }), asked)).toMatchObject({
    operation: "fetch",
    fromSite: true,
    reason: expect.stringMatching(
      /^HTTP 404 from \S+: there is no Edge API at .* here; the site says: Not Found$/
    )
  })
})
