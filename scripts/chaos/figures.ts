/** figures: what a chaos has shown, counted and printed. */
import type { Gateway } from "../airflow/gateway.ts"
import type { Fault } from "./faults.ts"
import type { Verdict } from "./verdict.ts"

/** What the gateway has seen. */
type Seen = Pick<Gateway, "exchanges" | "unanswered">

/** The value that this share of all does not exceed (nearest rank). */
const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN

/** How much of a span other faults cover. */
const covered = (from: number, to: number, others: ReadonlyArray<Fault>): number => {
  let [sum, until] = [0, from]
  for (const other of others.toSorted((a, b) => a.from - b.from)) {
    const [begin, end] = [Math.max(other.from, until), Math.min(other.to, to)]
    if (end <= begin) continue
    sum += end - begin
    until = end
  }
  return sum
}

/** Milliseconds from each kill until the site had the worker again. */
const returns = (faults: ReadonlyArray<Fault>, gateway: Seen) => {
  const taken = gateway.exchanges
    .filter(({ method, path, status }) => method === "POST" && path.startsWith("worker/") && status === 200)
    .map(({ at }) => at)
  const others = faults.filter(({ kind }) => kind !== "kill")
  return faults
    .filter(({ kind }) => kind === "kill")
    .map(({ from }) => ({ from, to: taken.find((at) => at > from) ?? Number.POSITIVE_INFINITY }))
    .map(({ from, to }) => ({ millis: to - from, disturbed: covered(from, to, others) }))
}

/** `RUN try N` of a push. */
const tryOf = (path: string): string => {
  const [, , , , run = "", attempt = ""] = path.split("/")
  return `${decodeURIComponent(run)} try ${attempt}`
}

/** Pushes of text of which the worker cannot have known whether they arrived: each may be there once more. */
const ambiguousPushes = (faults: ReadonlyArray<Fault>, gateway: Seen): ReadonlyArray<string> => {
  const hasText = ({ path, request }: { readonly path: string; readonly request: string }) =>
    path.startsWith("logs/push/") && !request.includes('"log_chunk_data":""')
  const stops = faults.filter(({ kind }) => kind === "worker stopped")
  // An answer that had come, and that a kill kept from being noted; a stop before the kill makes that time longer.
  const unnoted = faults
    .filter(({ kind }) => kind === "kill")
    .map(({ from }) => {
      const stop = stops.find((each) => each.from <= from && each.to >= from - 1000)
      return { from: (stop?.from ?? from) - 1000, to: from + 1000 }
    })
  const answered = gateway.exchanges.filter(
    (exchange) =>
      hasText(exchange) &&
      (exchange.status >= 500 || unnoted.some(({ from, to }) => exchange.at >= from && exchange.at <= to))
  )
  return [...gateway.unanswered.filter(hasText), ...answered].map(({ path }) => tryOf(path))
}

/** Copies beyond the ambiguous pushes of the same try. */
const unexplained = (
  copies: ReadonlyArray<string>,
  ambiguous: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const left = [...ambiguous]
  return copies.filter((name) => {
    const at = left.indexOf(name)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

const some = (title: string, items: ReadonlyArray<string>) =>
  items
    .slice(0, 10)
    .map((item) => `  ${title}: ${item}\n`)
    .join("")

/** Prints all, and gives how many of the promises were broken. */
export const print = (
  verdict: Verdict,
  faults: ReadonlyArray<Fault>,
  gateway: Seen,
  write: (text: string) => void
): number => {
  const back = returns(faults, gateway)
  const calm = back.filter((each) => each.disturbed === 0)
  const line = (name: string, value: string | number) => write(`${name.padEnd(34)} ${value}\n`)
  const times = (of: typeof back) => {
    const millis = of.map((each) => each.millis)
    return `p50 ${quantile(millis, 0.5)} ms, p99 ${quantile(millis, 0.99)} ms (${of.length} kills)`
  }
  const kinds = [...new Set(faults.map(({ kind }) => kind))].toSorted()
  const ambiguous = ambiguousPushes(faults, gateway)
  const beyond = unexplained(verdict.copies, ambiguous)
  const claims = gateway.unanswered.filter(({ path }) => path.startsWith("jobs/fetch/")).length
  line(
    "faults",
    kinds.map((kind) => `${kind} ${faults.filter((each) => each.kind === kind).length}`).join(", ")
  )
  line("jobs", `${verdict.jobs} (${verdict.tries} tries began)`)
  line("lost (no final state)", verdict.lost.length)
  line("run twice", verdict.twice.length)
  line("wrongly reported", verdict.wrong.length)
  line("log lines missing", verdict.missingLines)
  line("log bytes missing", verdict.missingBytes)
  line(
    "extra copies in logs",
    `${verdict.copies.length} (${verdict.extraBytes} bytes; ambiguous pushes: ${ambiguous.length}; beyond those of their try: ${beyond.length})`
  )
  line("ambiguous fetches", claims)
  line("tries cut short", verdict.cutShort.length)
  line("jobs failed before they began", verdict.neverBegan.length)
  line("worker back after a kill", times(back))
  line("  where nothing else was wrong", times(calm))
  line(
    "  without the time of other faults",
    times(back.map((each) => ({ ...each, millis: each.millis - each.disturbed })))
  )
  write(some("lost", verdict.lost))
  write(some("twice", verdict.twice))
  write(some("wrong", verdict.wrong))
  write(some("missing", verdict.missing))
  write(some("copy", beyond))
  write(some("cut short", verdict.cutShort))
  write(some("never began", verdict.neverBegan))
  const broken = verdict.lost.length + verdict.twice.length + verdict.wrong.length + verdict.missing.length
  return broken + beyond.length
}
