import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { expandEnvVar } from "../../src/config/expandEnvVar.ts"

const surroundings = {
  env: {
    HOME: "/home/me/",
    A: "$B/a",
    B: "b",
    SELF: "$SELF",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Airflow's syntax that is tested.
    MORE: "${MORE}x",
    WAVE: "~/w",
    HYPHEN: "h-"
  } as const,
  homeFolder: (user?: string) =>
    user === "ada" ? "/home/ada" : user === undefined ? "/from/passwd" : undefined
}
const expand = (text: string, env: Readonly<Record<string, string>> = surroundings.env) =>
  Result.getOrElse(expandEnvVar(text, { ...surroundings, env }), (problem) => problem)

describe("expandEnvVar", () => {
  const cases: Record<string, string> = {
    plain: "plain",
    "$A/${B}": "b/a/b",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Airflow's syntax that is tested.
    "$NOT_SET ${NOT_SET} $ ${": "$NOT_SET ${NOT_SET} $ ${",
    "~": "/home/me",
    "~/x": "/home/me/x",
    "~ada/x": "/home/ada/x",
    "~nobody/x": "~nobody/x",
    "a~": "a~",
    $WAVE: "/home/me/w",
    $SELF: "$SELF",
    "$HYPHEN-": "h--",
    $Bb: "$Bb"
  }
  for (const [text, wanted] of Object.entries(cases)) it(text, () => assert.strictEqual(expand(text), wanted))
  it("~ without HOME", () => assert.strictEqual(expand("~/x", {}), "/from/passwd/x"))
  it("~ of a user whose home is /", () => assert.strictEqual(expand("~", { HOME: "/" }), "/"))
  it("ends where a variable contains itself", () => assert.match(expand("$MORE"), /never come to an end/))
})
