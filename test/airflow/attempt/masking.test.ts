/** Our masking against Airflow's own, on generated secrets and records. Needs EDGE_WORKER_TEST_AIRFLOW_PYTHON. */
import { isDeepStrictEqual } from "node:util"
import { describe, expect, it } from "vitest"
import { secretsMasker } from "../../../src/runner/attempt/SecretsMasker.ts"
import { askAirflow } from "./askAirflow.ts"
import { type Json, type MaskingCase, maskingCases } from "./maskingCases.ts"

interface Answer {
  readonly redacted: Json
  readonly closed: Json
  readonly hidden: ReadonlyArray<string>
  readonly names: Readonly<Record<string, boolean>>
}

const cases = maskingCases(6_000)

const ask = () => askAirflow<ReadonlyArray<Answer>>("print_redacted.py", cases, { PYTHONHASHSEED: "0" })

const maskerOf = ({ rules, secrets }: MaskingCase) => {
  const masker = secretsMasker(rules)
  for (const { name, value } of secrets) masker.add(value, name)
  return masker
}

/** Whether two occurrences of secrets or tokens overlap in the text: there Airflow's result hangs on the order of a set. */
const overlaps = (text: string, hidden: ReadonlyArray<string>): boolean => {
  const found = [...text.matchAll(/eyJ[.A-Za-z0-9\-_]*/g)].map(
    ({ 0: match, index }) => [index, index + match.length] as const
  )
  for (const secret of hidden)
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
      found.push([at, at + secret.length])
  return found.some(([start, end], at) =>
    found.some(([otherStart, otherEnd], other) => at !== other && start < otherEnd && otherStart < end)
  )
}

/** What Airflow never finds: the lines of a secret, and a secret as it is written inside of JSON. */
const holdsForm = (text: string, hidden: ReadonlyArray<string>): boolean =>
  hidden.some((secret) => {
    const inJson = JSON.stringify(secret).slice(1, -1)
    const lines = secret.split("\n").filter((line) => line.length >= 16)
    return (
      (inJson !== secret && text.includes(inJson)) ||
      (lines.length > 0 && secret.includes("\n") && lines.some((line) => text.includes(line)))
    )
  })

const revealed = (text: string): number => text.replaceAll(/(?:eyJ)?\*{3}/g, "").length

/** Each text of ours that is another than Airflow's, with the text that it was. */
const differing = (
  before: Json,
  ours: Json,
  theirs: Json
): ReadonlyArray<readonly [string, string, string]> => {
  if (isDeepStrictEqual(ours, theirs)) return []
  if (typeof before === "string" && typeof ours === "string" && typeof theirs === "string")
    return [[before, ours, theirs]]
  const [was = [], is = [], other = []] = [before, ours, theirs].map((of) =>
    typeof of === "object" && of !== null ? Object.entries(of) : []
  )
  if (was.length === 0 || was.length !== is.length || was.length !== other.length)
    return [[typeof before === "number" ? String(before) : "", JSON.stringify(ours), JSON.stringify(theirs)]]
  return was.flatMap(([key, value], at) => {
    const [ourKey = "", our = null] = is[at] ?? []
    const [theirKey = "", their = null] = other[at] ?? []
    // keys that look the same are numbered
    const [ourName, theirName] = [ourKey, theirKey].map((of) => of.replace(/ \(\d+\)$/, ""))
    const keys = ourKey === theirKey ? [] : [[key, ourName ?? "", theirName ?? ""] as const]
    return [...keys, ...differing(value, our, their)]
  })
}

describe("against airflow.sdk._shared.secrets_masker", () => {
  it(`${cases.length} generated records`, { timeout: 120_000 }, () => {
    const answers = ask()
    expect(answers).toHaveLength(cases.length)
    const seen = {
      equal: 0,
      hidden: 0,
      masked: 0,
      closed: 0,
      overlapping: 0,
      form: 0,
      names: 0,
      sensitive: 0
    }
    const unexplained: Array<unknown> = []
    for (const [index, one] of cases.entries()) {
      const theirs = answers[index]
      if (theirs === undefined) throw new Error("no answer")
      const masker = maskerOf(one)
      for (const [name, is] of Object.entries(theirs.names)) {
        seen.names += 1
        seen.sensitive += is ? 1 : 0
        if (masker.isSensitive(name) !== is) unexplained.push({ index, name, is })
      }
      for (const secret of theirs.hidden) {
        seen.hidden += 1
        if (!/^(?:\*\*\*|eyJ\*\*\*)+$/.test(masker.redactText(secret))) unexplained.push({ index, secret })
      }
      // The test must not take its own masker's word for what is a secret.
      for (const text of one.texts)
        if (
          !theirs.hidden.includes(text) &&
          text !== "" &&
          !overlaps(text, [...theirs.hidden, text]) &&
          !holdsForm(text, theirs.hidden) &&
          !theirs.hidden.some((secret) => text.includes(secret)) &&
          !text.includes("eyJ") &&
          masker.redactText(text) !== text
        )
          unexplained.push({ index, visible: text })
      const ours = masker.redact(one.record) as Json
      if (!isDeepStrictEqual(theirs.redacted, one.record)) seen.masked += 1
      if (isDeepStrictEqual(ours, theirs.redacted)) {
        seen.equal += 1
        continue
      }
      if (isDeepStrictEqual(ours, theirs.closed)) {
        seen.closed += 1
        continue
      }
      for (const [before, our, their] of differing(one.record, ours, theirs.closed))
        if (overlaps(before, theirs.hidden) && revealed(our) <= revealed(their)) seen.overlapping += 1
        else if (holdsForm(before, theirs.hidden) && revealed(our) <= revealed(their)) seen.form += 1
        else unexplained.push({ index, before, our, their, hidden: theirs.hidden })
    }
    expect(unexplained.slice(0, 10)).toEqual([])
    expect(unexplained).toHaveLength(0)
    // most records are the same in both, and the generator makes enough of each kind
    expect(seen.equal).toBeGreaterThan(cases.length / 2)
    for (const kind of ["hidden", "masked", "closed", "overlapping", "sensitive"] as const)
      expect(seen[kind], kind).toBeGreaterThan(500)
  })
})
