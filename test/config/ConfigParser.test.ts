import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { getOption, type ParsedConfig, parse } from "../../src/config/ConfigParser.ts"

const parsed = (text: string): ParsedConfig =>
  Result.match(parse(text), {
    onSuccess: (config) => config,
    onFailure: (mistakes) => assert.fail(JSON.stringify(mistakes))
  })
const get = (text: string, section: string, key: string) =>
  Result.match(getOption(parsed(text), section, key), {
    onSuccess: (option) => option?.value,
    onFailure: ({ line, problem }) => `line ${line}: ${problem}`
  })
const mistakes = (text: string) =>
  Result.match(parse(text), {
    onSuccess: () => [],
    onFailure: (mistakes) => mistakes.map(({ line }) => line)
  })

describe("parse", () => {
  const cases: Record<string, readonly [text: string, value: string | undefined]> = {
    "= and : with and without spaces": ["[s]\nk:  v = w ", "v = w"],
    "a # in a line with a key is no comment": ["[s]\nk = v # w ; x", "v # w ; x"],
    "indented lines go on, comments and blank lines between them": [
      "[s]\nk = a\n  b\n\n# c\n    ; d\n\te\n\n",
      "a\nb\n\ne"
    ],
    "an indented key right after a section begins a key": ["[s]\n  k = v\nl = w", "v"],
    "names keep their case": ["[s]\nK = v", undefined],
    "sections keep their case": ["[S]\nk = v", undefined],
    "any line end": ["[s]\r\nk = a\r b\r\n", "a\nb"],
    "Python's white space": ["[s]\nk\u00a0=\u001cv\u0085", "v"],
    "a byte order mark inside is text": ["[s]\nk = \ufeffv\ufeff", "\ufeffv\ufeff"],
    "an empty value": ["[s]\nk =", ""],
    "the text after a section's ] is ignored": ["[s] k = w\nk = v", "v"]
  }
  for (const [name, [text, value]] of Object.entries(cases)) {
    it(name, () => assert.strictEqual(get(text, "s", "k"), value))
  }

  it("says the line of each mistake, and of each key", () => {
    assert.deepStrictEqual(mistakes("\nk = v\n[s]\nnothing\n= v\na = 1\na = 2\n[s]\n"), [2, 4, 5, 7, 8])
    assert.strictEqual(parsed("# c\n[s]\n\nk = a\n b\nl = c").sections.get("s")?.get("l")?.line, 6)
  })

  it("never repeats a line, which may be a secret", () => {
    const result = parse("[s]\nhunter2\n= hunter2\n")
    assert.notInclude(JSON.stringify(Result.isFailure(result) && result.failure), "hunter2")
  })

  it("allows [DEFAULT] twice, but not its keys", () => {
    assert.deepStrictEqual(mistakes("[DEFAULT]\na = 1\n[DEFAULT]\nb = 2\n"), [])
    assert.deepStrictEqual(mistakes("[DEFAULT]\na = 1\n[DEFAULT]\na = 2\n"), [4])
  })
})

describe("getOption", () => {
  it("replaces %% and %(x)s, from the section and from [DEFAULT]", () => {
    assert.strictEqual(
      get("[DEFAULT]\nd = D%%\n[s]\nk = 1%% %(d)s %(o)s\no = <%(d)s>", "s", "k"),
      "1% D% <D%>"
    )
  })
  it("sees [DEFAULT] only from a section that exists", () => {
    assert.strictEqual(get("[DEFAULT]\nk = v\n[s]", "s", "k"), "v")
    assert.strictEqual(get("[DEFAULT]\nk = v\n[t]", "s", "k"), undefined)
  })
  for (const value of ["100%", "%s", "%(open", "%(nowhere)s", "%(k)s"]) {
    it(`refuses ${value} with its line`, () =>
      assert.match(`${get(`[s]\n\nk = ${value}`, "s", "k")}`, /^line 3: /))
  }
  it("follows ten levels and no more", () => {
    const levels = (count: number) =>
      `[s]\nk0 = end%%\n${Array.from({ length: count }, (_, at) => `k${at + 1} = %(k${at})s`).join("\n")}`
    assert.strictEqual(get(levels(9), "s", "k9"), "end%")
    assert.match(`${get(levels(10), "s", "k10")}`, /deeper/)
  })
})

describe("a written file reads back", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/)
  const value = fc.array(fc.stringMatching(/^[a-zA-Z0-9$~%{}=:é/[\]]([ -~é]{0,12}[!-~])?$/), {
    minLength: 1,
    maxLength: 3
  })
  const file = fc.dictionary(name, fc.dictionary(name, value, { maxKeys: 5 }), { maxKeys: 5 })
  const ends = fc.constantFrom("\n", "\r\n")
  const indents = fc.constantFrom(" ", "\t", "      ")
  const delimiters = fc.constantFrom("=", ":", " = ", " : ")
  it("whatever its values, delimiters, indents and line ends", () => {
    fc.assert(
      fc.property(file, ends, indents, delimiters, (sections, end, indent, delimiter) => {
        const text = Object.entries(sections).flatMap(([section, options]) => [
          `[${section}]`,
          ...Object.entries(options).flatMap(([key, lines]) => [
            "# a comment",
            key + delimiter + lines.join(end + indent).replaceAll("%", "%%")
          ])
        ])
        const config = parsed(text.join(end))
        for (const [section, options] of Object.entries(sections)) {
          for (const [key, lines] of Object.entries(options)) {
            const option = getOption(config, section, key)
            assert.strictEqual(Result.isSuccess(option) && option.success?.value, lines.join("\n"))
          }
        }
      })
    )
  })
})
