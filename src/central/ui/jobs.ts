/** jobs: the page "Edge Worker Jobs": the filters, and the list that renews itself. */
import type { JobState } from "../../protocol/EdgeApi.ts"
import type { JobKey } from "../../protocol/Job.ts"
import { isEnded, type JobFilter, type JobRecord } from "../JobRecord.ts"
import { stateChoice, textChoice } from "./hosts.ts"
import { cell, type Html, html, query } from "./html.ts"
import { pageField, pageOf, pager } from "./paging.ts"
import { jobState, jobStateChoices, jobStates, time } from "./words.ts"

const isState = (text: string): text is JobState => Object.hasOwn(jobStates, text)

const given = (search: URLSearchParams, name: string): string | undefined =>
  search.get(name)?.trim() || undefined

/** What the page's form asks for. */
export const jobFilter = (search: URLSearchParams): JobFilter => {
  const states = search.getAll("state").filter(isState)
  return {
    dag: given(search, "dag"),
    run: given(search, "run"),
    task: given(search, "task"),
    queue: given(search, "queue"),
    worker: given(search, "worker"),
    states: states.length === 0 ? undefined : states
  }
}

/** The job that a form or an address names. */
export const jobKey = (search: URLSearchParams): JobKey | undefined => {
  const [dag, task, run] = [search.get("dag_id"), search.get("task_id"), search.get("run_id")]
  const [attempt, map] = [Number(search.get("try_number") ?? "1"), Number(search.get("map_index") ?? "-1")]
  if (!dag || !task || !run || !Number.isSafeInteger(attempt) || !Number.isSafeInteger(map)) return undefined
  return { dag_id: dag, task_id: task, run_id: run, try_number: attempt, map_index: map }
}

/** The address of a job's log. */
export const logAddress = (key: JobKey): string => `log${query({ ...key })}`

/** A raw workload may hold halves of characters, which no address can. */
const idOf = (key: JobKey): string => encodeURIComponent(Object.values(key).join("/").toWellFormed())

const row = (
  { key, ...job }: JobRecord,
  now: number,
  mayOperate: boolean
): Html => html`<tr role="row" id="j-${idOf(key)}">
<th role="rowheader" scope="row">${key.dag_id}</th>
${cell("Run", key.run_id)}
${cell("Task", html`${key.task_id}${key.map_index >= 0 ? html` <small>[${key.map_index}]</small>` : null}`)}
${cell("Try", job.retries === 0 ? key.try_number : `${key.try_number} of ${job.retries + 1}`)}
${cell("State", html`${jobState(job.state)}${job.reason === null ? null : html` <small>${job.reason}</small>`}${job.retried && html` <small>try ${key.try_number + 1} follows</small>`}`)}
${cell("Queue", job.queue)}
${cell(
  "Worker",
  job.worker === null
    ? html`<span class="nothing">none</span>`
    : html`<a href="./${query({ name: job.worker })}">${job.worker}</a>`
)}
${cell("Queued", time(job.queuedAt, now))}
${cell("Last update", time(job.lastUpdate, now))}
<td role="cell" class="actions"><a href="${logAddress(key)}" aria-label="Log of ${key.dag_id} ${key.task_id}">Log</a>
${
  mayOperate &&
  !isEnded(job.state) &&
  html`<form method="post" action="ui/jobs/cancel" hx-post="ui/jobs/cancel" hx-target="#message" hx-confirm="Cancel ${key.dag_id} ${key.task_id}?">${Object.entries(
    key
  ).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`
  )}<button aria-label="Cancel ${key.dag_id} ${key.task_id}">Cancel</button></form>`
}</td>
</tr>`

/** The list alone: one page of it; `more`: there is another. */
export const jobList = (
  jobs: ReadonlyArray<JobRecord>,
  more: boolean,
  now: number,
  mayOperate: boolean,
  search: URLSearchParams = new URLSearchParams()
): Html => html`<p class="count">${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}${
  more ? " shown, and there are more" : null
}</p>
${pager("jobs", search, pageOf(search), more)}
<table role="table" data-now="${now}">
<caption class="unseen">Jobs</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">DAG</th><th role="columnheader" scope="col">Run</th><th role="columnheader" scope="col">Task</th><th role="columnheader" scope="col">Try</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Queue</th><th role="columnheader" scope="col">Worker</th><th role="columnheader" scope="col">Queued</th><th role="columnheader" scope="col">Last update</th><th role="columnheader" scope="col"><span class="unseen">Actions</span></th></tr></thead>
<tbody role="rowgroup" id="rows">${jobs.map((job) => row(job, now, mayOperate))}</tbody>
</table>
${jobs.length === 0 ? html`<p class="nothing">No job fits.</p>` : null}`

/** The whole page below its title. */
export const jobsBody = (filter: JobFilter, list: Html, page: number): Html => html`
<form id="filters" method="get" action="jobs" role="search" aria-label="Filter the jobs">
${textChoice("dag", "DAG", filter.dag)}
${textChoice("run", "Run", filter.run)}
${textChoice("task", "Task", filter.task)}
${textChoice("queue", "Queue", filter.queue)}
${textChoice("worker", "Worker", filter.worker)}
${stateChoice(jobStateChoices, filter.states)}
${pageField(page)}
<noscript><button>Filter</button></noscript>
</form>
<div id="list" hx-get="ui/jobs" hx-include="#filters, #seen" hx-trigger="every 3s, changed from:body, filter from:body" hx-swap="innerMorph">${list}</div>`
