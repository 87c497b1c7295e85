/** UiRoutes: the pages, the parts of them that renew themselves, and the files that they load. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { CentralConfig } from "../../config/CentralConfig.ts"
import { Accounts, type Identity, type RoleMissing, requireRole, type Unauthenticated } from "../Accounts.ts"
import { identify, isAllowedHost, protect, type SourceRefused } from "../Guard.ts"
import { isEnded, type JobFilter } from "../JobRecord.ts"
import type { JobUnknown } from "../JobRules.ts"
import { Jobs } from "../Jobs.ts"
import type { RepositoryUnavailable } from "../Repository.ts"
import type { WorkerFilter } from "../WorkerRecord.ts"
import { Workers } from "../Workers.ts"
import { searchOf } from "./form.ts"
import { assets } from "./generated/assets.ts"
import { hostFilter, hostList, hostsBody } from "./hosts.ts"
import { type Html, html } from "./html.ts"
import { jobFilter, jobKey, jobList, jobsBody } from "./jobs.ts"
import { logBody, logPart } from "./log.ts"
import { managePanel } from "./manage.ts"
import { page } from "./page.ts"
import { isSeen, marked, pageOf, pageRows } from "./paging.ts"
import { jobStateChoices } from "./words.ts"

/** As HTML. */
export const shown = (status: number, { markup }: Html): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(markup, { status, contentType: "text/html; charset=utf-8" })

export const notice = (status: number, text: string) => shown(status, html`<p class="notice">${text}</p>`)

type Problem = SourceRefused | Unauthenticated | RoleMissing | RepositoryUnavailable | JobUnknown

/** What a person sees of what went wrong; a part of a page never leads elsewhere, as something may be being typed. */
export const explained = (error: Problem, whole: boolean) => {
  switch (error._tag) {
    case "Unauthenticated":
      return Effect.succeed(
        whole ? HttpServerResponse.redirect("login", { status: 303 }) : notice(401, error.message)
      )
    case "SourceRefused":
    case "RoleMissing":
      return Effect.succeed(notice(403, error.message))
    case "JobUnknown":
      return Effect.succeed(notice(404, "There is no such job (any more)."))
    case "RepositoryUnavailable":
      return Effect.as(Effect.logError(error.message), notice(503, "The central's database does not answer."))
  }
}

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8"
}

/** `/`, `/jobs`, `/log`, and below `/ui/` their parts and files. */
export const layer = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const settings = yield* CentralConfig
    const workers = yield* Workers
    const jobs = yield* Jobs

    type Make = (identity: Identity, search: URLSearchParams) => Effect.Effect<Html, Problem>
    const whole = (_search: URLSearchParams, made: Html) => shown(200, made)
    const list = (search: URLSearchParams, made: Html) =>
      isSeen(search, made) ? HttpServerResponse.empty({ status: 204 }) : shown(200, marked(made))
    const add = (path: `/${string}`, isPage: boolean, role: "view" | "operate", make: Make, answer = whole) =>
      router.add("GET", path, (request: HttpServerRequest) =>
        Effect.gen(function* () {
          const identity = yield* identify(request, settings, accounts)
          yield* requireRole(identity, role)
          const search = searchOf(request)
          return answer(search, yield* make(identity, search))
        }).pipe(
          Effect.catch((error) => explained(error, isPage)),
          Effect.map(protect)
        )
      )

    const hosts = Effect.fnUntraced(function* (
      identity: Identity,
      filter: WorkerFilter,
      search: URLSearchParams
    ) {
      const found = yield* workers.list(filter)
      return hostList(found, yield* Clock.currentTimeMillis, settings, identity.roles.has("operate"), search)
    })

    /** Those that are not over come first, and none of them is left out for one that is. */
    const listJobs = Effect.fnUntraced(function* (
      identity: Identity,
      filter: JobFilter,
      search: URLSearchParams
    ) {
      const states = filter.states ?? jobStateChoices
      const open = states.filter((state) => !isEnded(state))
      const over = states.filter(isEnded)
      const before = (pageOf(search) - 1) * pageRows
      const most = before + pageRows + 1
      const first = open.length === 0 ? [] : yield* jobs.list({ ...filter, states: open }, most)
      const room = most - first.length
      const second = over.length === 0 || room <= 0 ? [] : yield* jobs.list({ ...filter, states: over }, room)
      const all = [...first, ...second].slice(before)
      const rows = all.slice(0, pageRows).sort((a, b) => b.queuedAt - a.queuedAt)
      const now = yield* Clock.currentTimeMillis
      return jobList(rows, all.length > pageRows, now, identity.roles.has("operate"), search)
    })

    const log = Effect.fnUntraced(function* (search: URLSearchParams) {
      const key = jobKey(search)
      const from = Number(search.get("from") ?? "0")
      if (key === undefined || !Number.isSafeInteger(from) || from < 0) return undefined
      return { key, part: logPart(key, from, yield* jobs.readLog(key, from)) }
    })
    const noJob = html`<p class="notice">The address names no job.</p>`

    yield* add("/", true, "view", (identity, search) => {
      const filter = hostFilter(search)
      return Effect.map(hosts(identity, filter, search), (list) =>
        page({
          title: "Edge Worker Hosts",
          current: "./",
          identity,
          body: hostsBody(filter, marked(list), identity.roles.has("operate"), pageOf(search))
        })
      )
    })
    yield* add(
      "/ui/workers",
      false,
      "view",
      (identity, search) => hosts(identity, hostFilter(search), search),
      list
    )
    yield* add("/jobs", true, "view", (identity, search) => {
      const filter = jobFilter(search)
      return Effect.map(listJobs(identity, filter, search), (list) =>
        page({
          title: "Edge Worker Jobs",
          current: "jobs",
          identity,
          body: jobsBody(filter, marked(list), pageOf(search))
        })
      )
    })
    yield* add(
      "/ui/jobs",
      false,
      "view",
      (identity, search) => listJobs(identity, jobFilter(search), search),
      list
    )
    yield* add("/log", true, "view", (identity, search) =>
      Effect.map(log(search), (found) =>
        page({
          title: "Log",
          current: "log",
          identity,
          body: found === undefined ? noJob : logBody(found.key, found.part)
        })
      )
    )
    yield* add("/ui/log", false, "view", (_identity, search) =>
      Effect.map(log(search), (found) => found?.part ?? noJob)
    )
    yield* add("/ui/manage", false, "operate", (_identity, search) =>
      Effect.map(workers.list({}), (all) => {
        const names = new Set(search.getAll("worker"))
        return managePanel(all.filter(({ name }) => names.has(name)))
      })
    )
    for (const [name, text] of Object.entries(assets)) {
      const response = HttpServerResponse.text(text, {
        contentType: types[name.split(".").at(-1) ?? ""] ?? ""
      })
      yield* router.add("GET", `/ui/assets/${name}`, (request: HttpServerRequest) =>
        Effect.succeed(
          protect(
            isAllowedHost(request.headers["host"], settings)
              ? response
              : notice(403, "Not called by that name")
          )
        )
      )
    }
  })
)
