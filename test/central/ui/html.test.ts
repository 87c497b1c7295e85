/** html: text stays text, whatever it is. */
import { describe, expect, it } from "vitest"
import { escape, html, plain, query } from "../../../src/central/ui/html.ts"

describe("a template", () => {
  it("escapes every value, in text and in attributes", () => {
    const evil = `<script>alert(1)</script>" onload='x' hx-get=\`/\` &`
    const { markup } = html`<p title="${evil}">${evil}</p>${[evil, html`<b>${evil}</b>`]}`
    expect(markup.match(/<[^>]*>/g)).toEqual([
      '<p title="&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; hx-get=&#96;/&#96; &amp;">',
      "</p>",
      "<b>",
      "</b>"
    ])
  })

  it("leaves out what is nothing, and refuses a value that no quotes hold", () => {
    expect(html`${null}${undefined}${false}${0}${""}`.markup).toBe("0")
    expect(() => html`<p title=${"a b"}></p>`).toThrow("without quotes")
  })

  it("takes out what a terminal would obey, and shows what would hide", () => {
    expect(plain("\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x1b\\ \x1b[2J\x1bcend")).toBe(
      "red link end"
    )
    expect(plain("one\r\ntwo\rthree\tfour")).toBe("one\ntwo\nthree\tfour")
    expect(plain("a\u0000b\u0008c\u009bd\u202ee\u2066f\ud800g")).toBe(
      "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"
    )
    expect(plain("\x1b")).toBe("")
    expect(plain("grüße 日本語 👩‍🚀")).toBe("grüße 日本語 👩‍🚀")
    // what is taken out leaves nothing behind that joins into markup
    expect(escape("<\x1b[0mscript>")).toBe("&lt;script&gt;")
  })

  it("takes time that grows with the text, not faster", () => {
    const begin = performance.now()
    plain("\x1b]".repeat(200_000))
    plain("\x1b[".repeat(200_000))
    expect(performance.now() - begin).toBeLessThan(2000)
  })
})

describe("a query", () => {
  it("holds any name", () => {
    expect(query({ name: `a&b="<c>`, none: undefined, n: 1 })).toBe("?name=a%26b%3D%22%3Cc%3E&n=1")
  })
})
