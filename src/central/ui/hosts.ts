/** hosts: the page "Edge Worker Hosts": the filters, and the list that renews itself. */
import { WorkerState } from "../../protocol/WorkerState.ts"
import type { WorkerFilter, WorkerRecord } from "../WorkerRecord.ts"
import { cell, type Html, html, query } from "./html.ts"
import { pageField, pageOf, pageRows, pager } from "./paging.ts"
import { health, slots, time, type Versions, versions, workerState, workerStates } from "./words.ts"

const isState = (text: string): text is WorkerState => Object.hasOwn(workerStates, text)

const given = (search: URLSearchParams, name: string): string | undefined =>
  search.get(name)?.trim() || undefined

/** What the page's form asks for. */
export const hostFilter = (search: URLSearchParams): WorkerFilter => {
  const states = search.getAll("state").filter(isState)
  return {
    name: given(search, "name"),
    queue: given(search, "queue"),
    states: states.length === 0 ? undefined : states
  }
}

/** A group of boxes of which none means all. */
export const stateChoice = (
  choices: ReadonlyArray<string>,
  chosen: ReadonlyArray<string> | undefined
): Html =>
  html`<details class="choice"><summary>State${
    chosen === undefined ? null : html` (${chosen.length})`
  }</summary><fieldset><legend>Only these states</legend>${choices.map(
    (state) =>
      html`<label><input type="checkbox" name="state" value="${state}"${
        chosen?.includes(state) ? html` checked` : null
      }> ${state}</label>`
  )}</fieldset></details>`

/** A text of the filters. */
export const textChoice = (name: string, label: string, value: string | undefined): Html =>
  html`<label>${label} <input type="search" name="${name}" value="${value}" autocomplete="off" spellcheck="false"></label>`

/** What tells apart two workers in the page; names may hold what an id cannot. */
const idOf = (name: string): string => encodeURIComponent(name.toWellFormed())

const row = (worker: WorkerRecord, now: number, own: Versions, mayOperate: boolean): Html => {
  const { name } = worker
  return html`<tr role="row" id="w-${idOf(name)}">
${
  mayOperate &&
  html`<td role="cell" class="select"><input type="checkbox" name="worker" value="${name}" id="select-${idOf(name)}" aria-label="Select ${name}"></td>`
}
<th role="rowheader" scope="row">${name}${worker.team === null ? null : html` <small>team ${worker.team}</small>`}</th>
${cell("State", workerState(worker.state))}
${cell(
  "Queues",
  worker.queues === null
    ? html`<span class="nothing">all</span>`
    : worker.queues.map((queue) => html`<span class="queue">${queue}</span> `)
)}
${cell("Slots", html`${slots(worker)}<br><a href="jobs${query({ worker: name })}">${worker.jobsActive} ${worker.jobsActive === 1 ? "job" : "jobs"}</a>`)}
${cell("Health", health(worker))}
${cell("Versions", versions(worker, own))}
${cell("First online", time(worker.firstOnline, now))}
${cell("Last heartbeat", time(worker.lastUpdate, now))}
${cell("Comments", worker.maintenanceComment && html`<div class="comment">${worker.maintenanceComment}</div>`)}
${
  mayOperate &&
  html`<td role="cell"><button type="button" id="manage-${idOf(name)}" hx-get="ui/manage${query({ worker: name })}" hx-target="#dialog" aria-haspopup="dialog" aria-label="Manage ${name}">Manage</button></td>`
}
</tr>`
}

/** The list alone, as it is asked for again and again. */
export const hostList = (
  workers: ReadonlyArray<WorkerRecord>,
  now: number,
  own: Versions,
  mayOperate: boolean,
  search: URLSearchParams = new URLSearchParams()
): Html => {
  // workers may have gone since the page was asked for
  const page = Math.min(pageOf(search), Math.max(1, Math.ceil(workers.length / pageRows)))
  const shown = workers.slice((page - 1) * pageRows, page * pageRows)
  return html`<p class="count">${workers.length} ${workers.length === 1 ? "worker" : "workers"}</p>
${pager("./", search, page, page * pageRows < workers.length)}
<table role="table" data-now="${now}">
<caption class="unseen">Workers</caption>
<thead role="rowgroup"><tr role="row">
${mayOperate && html`<th role="columnheader" scope="col" class="select"><input type="checkbox" id="select-all" aria-label="Select all"></th>`}
<th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Queues</th><th role="columnheader" scope="col">Slots</th><th role="columnheader" scope="col">Health</th><th role="columnheader" scope="col">Versions</th><th role="columnheader" scope="col">First online</th><th role="columnheader" scope="col">Last heartbeat</th><th role="columnheader" scope="col">Comments</th>
${mayOperate && html`<th role="columnheader" scope="col"><span class="unseen">Actions</span></th>`}
</tr></thead>
<tbody role="rowgroup" id="rows">${shown.map((worker) => row(worker, now, own, mayOperate))}</tbody>
</table>
${workers.length === 0 ? html`<p class="nothing">No worker fits.</p>` : null}`
}

/** The whole page below its title. */
export const hostsBody = (filter: WorkerFilter, list: Html, mayOperate: boolean, page: number): Html => html`
<form id="filters" method="get" action="./" role="search" aria-label="Filter the workers">
${textChoice("name", "Name", filter.name)}
${textChoice("queue", "Queue", filter.queue)}
${stateChoice(WorkerState.literals, filter.states)}
${pageField(page)}
<noscript><button>Filter</button></noscript>
</form>
${
  mayOperate &&
  html`<p class="selection"><button type="button" id="manage-selection" hx-get="ui/manage" hx-include="#list input[name=worker]:checked" hx-target="#dialog" aria-haspopup="dialog" disabled>Manage the selection</button> <span id="selected" role="status"></span></p>`
}
<div id="list" hx-get="ui/workers" hx-include="#filters, #seen" hx-trigger="every 3s, changed from:body, filter from:body" hx-swap="innerMorph">${list}</div>`
