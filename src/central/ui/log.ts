/** log: the page of one job's log, which grows while the job writes. */
import type { JobState } from "../../protocol/EdgeApi.ts"
import { display, type JobKey } from "../../protocol/Job.ts"
import { besides } from "../../protocol/TaskLogLine.ts"
import { type Html, html, query } from "./html.ts"
import { jobState } from "./words.ts"

/** What has come since the last look. */
export interface LogNews {
  readonly text: string
  readonly next: number
  readonly state: JobState
  readonly ended: boolean
}

const texts = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined

const record = (line: string): Readonly<Record<string, unknown>> | undefined => {
  if (!line.startsWith("{")) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && "event" in value ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Airflow's own lines are JSON: the time, the level and the text of each; any other line as it is. */
const lineOf = (line: string): Html => {
  const found = record(line)
  const event = found === undefined ? undefined : texts(found["event"])
  if (found === undefined || event === undefined) return html`${line}`
  const level = (texts(found["level"]) ?? "").toLowerCase()
  const moment = texts(found["timestamp"]) ?? texts(found["time"])
  return html`${moment === undefined ? null : html`<span class="when">${moment.slice(0, 23)}</span> `}${
    level === ""
      ? null
      : html`<span class="level ${/^\w+$/.test(level) ? level : ""}">${level.toUpperCase()}</span> `
  }${event}${besides(found)}`
}

/**
 * The new lines, and behind them the place that asks for the next ones. A line that is not whole yet waits, unless
 * there is nothing else.
 */
export const logPart = (key: JobKey, from: number, news: LogNews): Html => {
  const end = news.text.lastIndexOf("\n") + 1
  const whole = news.ended || end === 0 ? news.text : news.text.slice(0, end)
  const next = end === 0 || news.ended ? news.next : from + end
  const lines = whole.split("\n")
  return html`${lines.map((line, at) => html`${lineOf(line)}${at < lines.length - 1 ? "\n" : null}`)}${
    news.ended
      ? html`<span id="end" class="end">\n— end of the log, ${jobState(news.state)} —\n</span>`
      : html`<span id="more" hx-get="ui/log${query({ ...key, from: next })}" hx-trigger="${whole === "" ? "" : "load delay:100ms, "}every 1s" hx-swap="outerHTML"></span>`
  }`
}

/** The whole page below its title. */
export const logBody = (
  key: JobKey,
  part: Html
): Html => html`<p><a href="jobs${query({ dag: key.dag_id, run: key.run_id, task: key.task_id })}">${display(key)}</a></p>
<pre id="log" role="log" tabindex="0" aria-label="Log of ${display(key)}">${part}</pre>`
