/** matrix: which fault has hit which step of a job's way, how often. */

/** Where a fault can hit. */
export const steps = [
  "register",
  "register after restart",
  "heartbeat",
  "fetch",
  "journal claim",
  "start",
  "journal start",
  "running report",
  "log push",
  "journal offset",
  "journal end",
  "end report",
  "log rest",
  "hand-back report",
  "journal removal",
  "adopt"
] as const
export type Step = (typeof steps)[number]

/** What can be wrong with a call. */
export const callKinds = [
  "refuse",
  "reset",
  "lose answer",
  "delay",
  "4xx",
  "500",
  "503",
  "garbage",
  "site down",
  "site restart"
] as const
export type CallKind = (typeof callKinds)[number]

export const kinds = [
  ...callKinds,
  "worker killed before",
  "worker killed after",
  "disk refuses",
  "start fails",
  "task fails",
  "task wedged",
  "machine reboots",
  "pid reused"
] as const
export type Kind = (typeof kinds)[number]

/** Which faults a step can meet. */
export const kindsOf = (step: Step): ReadonlyArray<Kind> => {
  if (step === "start") {
    return [
      "worker killed before",
      "worker killed after",
      "disk refuses",
      "start fails",
      "task fails",
      "task wedged"
    ]
  }
  if (step === "adopt")
    return ["worker killed before", "worker killed after", "machine reboots", "pid reused"]
  if (step.startsWith("journal")) return ["worker killed before", "worker killed after", "disk refuses"]
  return [...callKinds, "worker killed before", "worker killed after"]
}

/** Every fault at every step that can meet it. */
export const cells = steps.flatMap((step) => kindsOf(step).map((kind) => ({ kind, step })))

/** Hits by `kind @ step`. */
export class Matrix {
  readonly hits = new Map<string, number>()
  hit(kind: Kind, step: Step) {
    const cell = `${kind} @ ${step}`
    this.hits.set(cell, (this.hits.get(cell) ?? 0) + 1)
  }
  add(other: Matrix) {
    for (const [cell, count] of other.hits) this.hits.set(cell, (this.hits.get(cell) ?? 0) + count)
  }
  get(kind: Kind, step: Step): number {
    return this.hits.get(`${kind} @ ${step}`) ?? 0
  }
  /** Cells that can be hit and were hit less than `least` times. */
  below(least: number): ReadonlyArray<string> {
    return steps.flatMap((step) =>
      kindsOf(step)
        .filter((kind) => this.get(kind, step) < least)
        .map((kind) => `${kind} @ ${step}: ${this.get(kind, step)}`)
    )
  }
  /** A table; `-` where the fault cannot meet the step. */
  format(): string {
    const width = Math.max(...kinds.map((kind) => kind.length))
    const cell = (kind: Kind, step: Step) => (kindsOf(step).includes(kind) ? `${this.get(kind, step)}` : "-")
    const letters = steps.map((_, index) => String.fromCharCode(65 + index).padStart(7)).join("")
    return [
      ...steps.map((step, index) => `  ${String.fromCharCode(65 + index)} = ${step}`),
      `${"".padEnd(width)}${letters}`,
      ...kinds.map((kind) => kind.padEnd(width) + steps.map((step) => cell(kind, step).padStart(7)).join(""))
    ].join("\n")
  }
}
