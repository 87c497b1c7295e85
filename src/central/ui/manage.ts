/** manage: the dialog in which one worker, or several, are changed; it lies outside the list, which may renew itself. */
import type { WorkerState } from "../../protocol/WorkerState.ts"
import type { WorkerRecord } from "../WorkerRecord.ts"
import { type Html, html } from "./html.ts"
import { workerState } from "./words.ts"

const inMaintenance: ReadonlyArray<WorkerState> = [
  "maintenance request",
  "maintenance pending",
  "maintenance mode",
  "offline maintenance"
]
const gone: ReadonlyArray<WorkerState> = ["offline", "offline maintenance", "unknown"]

/** The site keeps 1024 characters, with the time and the user before them. */
const longest = 850

const called = (workers: ReadonlyArray<WorkerRecord>): string =>
  workers.length === 1 ? (workers[0]?.name ?? "") : `${workers.length} workers`

/** What was said as the comment, without Airflow's line before it. */
const ownWords = (comment: string | null): string => {
  if (comment === null) return ""
  const [first = "", ...rest] = comment.split("\n")
  if (!first.startsWith("[")) return comment
  const said = (rest[0]?.startsWith("[") && rest[0].endsWith("updated comment:") ? rest.slice(1) : rest).join(
    "\n"
  )
  return said.startsWith("Comment: ") ? said.slice("Comment: ".length) : said
}

/** The forms that make sense for at least one of the workers. */
export const managePanel = (workers: ReadonlyArray<WorkerRecord>): Html => {
  const names = html`${workers.map(({ name }) => html`<input type="hidden" name="worker" value="${name}">`)}`
  const some = (test: (state: WorkerState) => boolean) => workers.some(({ state }) => test(state))
  const maintained = some((state) => inMaintenance.includes(state))
  const free = some((state) => !inMaintenance.includes(state))
  const alive = some((state) => !gone.includes(state))
  const queues = [...new Set(workers.flatMap((worker) => worker.queues ?? []))].sort()
  const concurrency =
    workers.length === 1 ? (workers[0]?.concurrency ?? workers[0]?.sysinfo["concurrency"]) : null
  const form = (title: string, fields: Html, confirm?: string) =>
    html`<form method="post" action="ui/workers/change" hx-post="ui/workers/change" hx-target="#outcome" hx-swap="innerHTML"${
      confirm === undefined ? null : html` hx-confirm="${confirm}"`
    }>${names}<fieldset><legend>${title}</legend>${fields}</fieldset></form>`
  const button = (action: string, text: string, more: Html | null = null) =>
    html`<button name="action" value="${action}"${more}>${text}</button> `
  return html`<h2 id="dialog-title" tabindex="-1">Manage ${called(workers)}</h2>
<ul class="workers">${workers.map(({ name, state }) => html`<li>${name} ${workerState(state)}</li>`)}</ul>
<div id="outcome" role="alert"></div>
${form(
  "Maintenance",
  html`<label>Comment <textarea name="comment" rows="3" maxlength="${longest}" required>${
    maintained && workers.length === 1 ? ownWords(workers[0]?.maintenanceComment ?? null) : null
  }</textarea></label>
<p>${free && button("maintenance", "Begin maintenance")}${maintained && button("comment", "Change the comment")}${
    maintained && button("resume", "End maintenance", html` formnovalidate`)
  }</p>`
)}
${
  alive &&
  html`${form(
    "Queues",
    html`<label>Queue <input name="queue" list="known-queues" required maxlength="200" autocomplete="off" spellcheck="false"></label>
<datalist id="known-queues">${queues.map((queue) => html`<option value="${queue}"></option>`)}</datalist>
<p>${button("add-queue", "Add the queue")}${button("remove-queue", "Remove the queue")}</p>`
  )}
${form(
  "Concurrency",
  html`<label>Slots <input name="concurrency" type="number" min="1" step="1" required value="${concurrency}"></label>
<p>${button("concurrency", "Set the concurrency")}</p>`
)}
${form("End", html`<p>Running jobs are finished first. ${button("shutdown", "Shut down")}</p>`, `Shut down ${called(workers)}?`)}`
}
${
  some((state) => gone.includes(state)) &&
  form(
    "Remove",
    html`<p>Forget what is gone; it may register again. ${button("remove", "Remove")}</p>`,
    `Remove ${called(workers)} from the list?`
  )
}
<form method="dialog"><button>Close</button></form>`
}

/** What became of each worker. */
export const outcome = (
  done: ReadonlyArray<string>,
  failed: ReadonlyArray<{ readonly name: string; readonly reason: string }>
): Html =>
  html`${done.map((text) => html`<p>${text}</p>`)}${failed.map(
    ({ reason }) => html`<p class="notice">${reason}</p>`
  )}`
