/** UiActions: the changes that the pages' forms ask for, of one worker or a selection, and of a job. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { CentralConfig } from "../../config/CentralConfig.ts"
import { display } from "../../protocol/Job.ts"
import { Accounts, requireRole } from "../Accounts.ts"
import { identify, protect } from "../Guard.ts"
import { Operations, type WorkerChange } from "../Operations.ts"
import { readForm } from "./form.ts"
import { html } from "./html.ts"
import { jobKey } from "./jobs.ts"
import { outcome } from "./manage.ts"
import { explained, notice, shown } from "./UiRoutes.ts"

const said: Readonly<Record<WorkerChange["action"], string>> = {
  "request maintenance": "maintenance is requested",
  "update maintenance comment": "the comment is changed",
  "exit maintenance": "the end of maintenance is requested",
  shutdown: "shutdown is requested",
  remove: "it is removed",
  "add queue": "the queue is added",
  "remove queue": "the queue is removed",
  "set concurrency": "the concurrency is set"
}

/** The change that a form means, or what is missing. */
const changeOf = (form: URLSearchParams): WorkerChange | string => {
  // browsers end a line with two characters, and the site stores one
  const comment = (form.get("comment") ?? "").replaceAll("\r\n", "\n").trim()
  const queue = (form.get("queue") ?? "").trim()
  const concurrency = Number(form.get("concurrency") ?? "")
  switch (form.get("action")) {
    case "maintenance":
      return comment === "" ? "Maintenance comment is required" : { action: "request maintenance", comment }
    case "comment":
      return comment === ""
        ? "Maintenance comment is required"
        : { action: "update maintenance comment", comment }
    case "resume":
      return { action: "exit maintenance" }
    case "shutdown":
      return { action: "shutdown" }
    case "remove":
      return { action: "remove" }
    case "add-queue":
      return queue === "" ? "Which queue?" : { action: "add queue", queue }
    case "remove-queue":
      return queue === "" ? "Which queue?" : { action: "remove queue", queue }
    case "concurrency":
      return Number.isSafeInteger(concurrency) && concurrency > 0
        ? { action: "set concurrency", concurrency }
        : "The concurrency must be a whole number, at least 1"
    default:
      return "There is no such action"
  }
}

/** At once for so many workers; a selection is made by a person. */
const mostWorkers = 1000

/** Tells the page that the dialog may close, and that the list has changed. */
const accepted = HttpServerResponse.setHeaders({
  "hx-retarget": "#message",
  "hx-reswap": "innerHTML",
  "hx-trigger": "accepted, changed"
})
const changed = HttpServerResponse.setHeader("hx-trigger", "changed")

/** `POST /ui/workers/change` and `POST /ui/jobs/cancel`. */
export const layer = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    const operations = yield* Operations

    /** A browser without script goes back to the page. */
    const finished = (
      request: HttpServerRequest,
      response: HttpServerResponse.HttpServerResponse,
      back: string
    ) =>
      request.headers["hx-request"] === undefined && response.status === 200
        ? HttpServerResponse.redirect(back, { status: 303 })
        : response

    const changeWorkers = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        const identity = yield* identify(request, settings, accounts)
        yield* requireRole(identity, "operate")
        const form = yield* readForm(request)
        const names = [...new Set(form.getAll("worker"))].slice(0, mostWorkers)
        const change = changeOf(form)
        if (typeof change === "string") return notice(400, change)
        if (names.length === 0) return notice(400, "Which worker?")
        const done: Array<string> = []
        const failed: Array<{ readonly name: string; readonly reason: string }> = []
        for (const name of names) {
          yield* operations.changeWorker(identity, name, change).pipe(
            Effect.map(() => done.push(`${name}: ${said[change.action]}`)),
            Effect.catchTags({
              WorkerUnknown: ({ message }) => Effect.sync(() => failed.push({ name, reason: message })),
              NotAllowed: ({ message }) =>
                Effect.sync(() =>
                  failed.push({ name, reason: message.includes(name) ? message : `${name}: ${message}` })
                )
            })
          )
        }
        const told = outcome(done, failed)
        if (failed.length === 0) return accepted(shown(200, told))
        return changed(shown(done.length === 0 ? 400 : 207, told))
      },
      Effect.catch((error) => explained(error, false))
    )

    const cancelJob = Effect.fnUntraced(
      function* (request: HttpServerRequest) {
        const identity = yield* identify(request, settings, accounts)
        yield* requireRole(identity, "operate")
        const key = jobKey(yield* readForm(request))
        if (key === undefined) return notice(400, "Which job?")
        yield* operations.cancelJob(identity, key)
        return changed(shown(200, html`<p>${display(key)}: cancelled</p>`))
      },
      Effect.catchTag("JobEnded", (error) => Effect.succeed(changed(notice(409, error.message)))),
      Effect.catch((error) => explained(error, false))
    )

    yield* router.add("POST", "/ui/workers/change", (request: HttpServerRequest) =>
      Effect.map(changeWorkers(request), (response) => protect(finished(request, response, "../../")))
    )
    yield* router.add("POST", "/ui/jobs/cancel", (request: HttpServerRequest) =>
      Effect.map(cancelJob(request), (response) => protect(finished(request, response, "../../jobs")))
    )
  })
)
