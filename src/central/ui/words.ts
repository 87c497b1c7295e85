/** words: how a state, a time and a number of slots look to a person; an icon and words, never a colour alone. */
import type { JobState } from "../../protocol/EdgeApi.ts"
import type { WorkerState } from "../../protocol/WorkerState.ts"
import type { WorkerRecord } from "../WorkerRecord.ts"
import { type Html, html } from "./html.ts"

/** What a colour says besides the words. */
export type Tone = "good" | "busy" | "wait" | "warn" | "bad" | "off"

interface Look {
  readonly icon: string
  readonly tone: Tone
  /** What it means, for who rests on it. */
  readonly means: string
}

export const workerStates: Readonly<Record<WorkerState, Look>> = {
  starting: { icon: "◔", tone: "wait", means: "is being started" },
  running: { icon: "▶", tone: "busy", means: "runs jobs" },
  idle: { icon: "●", tone: "good", means: "waits for a job" },
  "shutdown request": {
    icon: "⏻",
    tone: "wait",
    means: "will hear with its next heartbeat that it shall end"
  },
  terminating: { icon: "◑", tone: "wait", means: "finishes its jobs and ends" },
  offline: { icon: "○", tone: "off", means: "has ended" },
  unknown: { icon: "?", tone: "bad", means: "has not been heard of for some time" },
  "maintenance request": {
    icon: "⚑",
    tone: "wait",
    means: "will hear with its next heartbeat of the maintenance"
  },
  "maintenance pending": { icon: "⚐", tone: "warn", means: "finishes its jobs before the maintenance" },
  "maintenance mode": { icon: "⚒", tone: "warn", means: "is in maintenance and takes no jobs" },
  "maintenance exit": {
    icon: "↺",
    tone: "wait",
    means: "will hear with its next heartbeat that the maintenance is over"
  },
  "offline maintenance": { icon: "◌", tone: "off", means: "ended in maintenance, and will start in it" }
}

const other: Look = { icon: "·", tone: "off", means: "a state that no edge job has here" }

export const jobStates: Readonly<Record<JobState, Look>> = {
  scheduled: other,
  up_for_retry: { icon: "↻", tone: "wait", means: "waits for its next try" },
  up_for_reschedule: { icon: "↻", tone: "wait", means: "has asked to run again later" },
  upstream_failed: other,
  deferred: other,
  awaiting_input: other,
  queued: { icon: "◷", tone: "wait", means: "waits for a worker" },
  restarting: { icon: "◔", tone: "wait", means: "was given to a worker that has not confirmed it yet" },
  running: { icon: "▶", tone: "busy", means: "runs on a worker" },
  success: { icon: "✔", tone: "good", means: "has succeeded" },
  failed: { icon: "✖", tone: "bad", means: "has failed" },
  skipped: { icon: "⤼", tone: "off", means: "was skipped" },
  removed: { icon: "⊘", tone: "off", means: "was cancelled, or is gone" }
}

/** The states that a filter offers. */
export const jobStateChoices: ReadonlyArray<JobState> = [
  "queued",
  "restarting",
  "running",
  "up_for_retry",
  "up_for_reschedule",
  "success",
  "failed",
  "skipped",
  "removed"
]

const badge = (word: string, { icon, means, tone }: Look): Html =>
  html`<span class="state ${tone}" title="${means}"><span aria-hidden="true">${icon}\uFE0E</span> ${word}</span>`

export const workerState = (state: WorkerState): Html => badge(state, workerStates[state])
export const jobState = (state: JobState): Html => badge(state, jobStates[state])

const span = (seconds: number): string => {
  if (seconds < 90) return `${seconds} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** How long ago, in the largest unit that fits; or in how long, of what is to come. */
export const ago = (then: number, now: number): string => {
  const seconds = Math.round((now - then) / 1000)
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`
}

/** A time by the clock of the central; the page's script shows it in the reader's own zone on request. */
export const time = (at: number, now: number): Html => {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" title="${iso.slice(0, 19).replace("T", " ")} UTC">${ago(at, now)}</time>`
}

const numberOf = (worker: WorkerRecord, key: string): number | undefined => {
  const value = worker.sysinfo[key]
  return typeof value === "number" ? value : undefined
}

/** "2 of 8 used, 6 free", of what the worker has said last. */
export const slots = (worker: WorkerRecord): Html => {
  const all = numberOf(worker, "concurrency")
  const free = numberOf(worker, "free_concurrency")
  const set =
    worker.concurrency !== null && worker.concurrency !== all
      ? html` <small>(set to ${worker.concurrency})</small>`
      : null
  if (all === undefined || free === undefined || free < 0)
    return html`<span class="nothing">not told</span>${set}`
  const used = Math.max(0, all - free)
  return html`<meter min="0" max="${Math.max(1, all)}" value="${used}" aria-hidden="true"></meter> ${used} of ${all} used, ${free} free${set}`
}

/** Python's logging levels, as edge3 uses them for `sysinfo.status`. */
const healthOf = (status: number | undefined): Look & { readonly word: string } => {
  if (status === undefined || status === 0) return { icon: "?", tone: "off", means: "", word: "not known" }
  if (status < 30) return { icon: "✔", tone: "good", means: "", word: "healthy" }
  if (status < 40) return { icon: "⚠", tone: "warn", means: "", word: "warning" }
  return { icon: "✖", tone: "bad", means: "", word: status < 50 ? "error" : "critical" }
}

export const health = (worker: WorkerRecord): Html => {
  const look = healthOf(numberOf(worker, "status"))
  const text = worker.sysinfo["status_text"]
  return html`${badge(look.word, look)}${text === undefined || text === "" ? null : html` <small>${text}</small>`}`
}

/** The versions that a worker should have. */
export interface Versions {
  readonly airflowVersion: string
  readonly edgeProviderVersion: string
}

/** The worker's versions, marked where they are others than the central's. */
export const versions = (worker: WorkerRecord, own: Versions): Html => {
  const parts = [
    ["Airflow", worker.sysinfo["airflow_version"], own.airflowVersion],
    ["edge3", worker.sysinfo["edge_provider_version"], own.edgeProviderVersion]
  ] as const
  return html`${parts.map(([name, has, should], at) => {
    const other = has !== undefined && String(has) !== should
    return html`${at > 0 ? html`<br>` : null}${name} ${has ?? "not told"}${
      other
        ? html`<br><span class="state warn"><span aria-hidden="true">≠</span> not the central's ${should}</span>`
        : null
    }`
  })}`
}
