/** logSite: an EdgeClient for the tests of log pushes that keeps logs as edge3 5.1.0 does, and fails as it is told. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PushLogsBody } from "../../src/protocol/EdgeApi.ts"
import type { JobKey } from "../../src/protocol/Job.ts"
import { EdgeClient } from "../../src/worker/EdgeClient.ts"
import { SiteUnavailable } from "../../src/worker/EdgeError.ts"

/**
 * What happens to a request: "ok"; "lost-before", "lost-after": no answer, and the site did not or did see it;
 * "500-before", "500-after": an error of the site before it wrote to its file, or after that and before its commit;
 * "502-after": it saw it, and a gateway said so badly; "away": nobody there; a number: a gateway's limit in bytes.
 */
export type Fate =
  | "ok"
  | "lost-before"
  | "lost-after"
  | "500-before"
  | "500-after"
  | "502-after"
  | "away"
  | "busy"
  | number

export interface LogRequest {
  readonly key: JobKey
  readonly taskInstanceId: string | null
  readonly time: string
  readonly text: string
  readonly fate: Fate
}

export const makeLogSite = () => {
  const requests: Array<LogRequest> = []
  const rows = new Set<string>()
  const appended: Array<string> = []
  const script: Array<Fate> = []
  const site = {
    requests,
    /** Every text that was written to the site's file, empty ones left out. */
    appended,
    /** The fates of the next requests; after them `otherwise`. */
    script,
    otherwise: (_request: Omit<LogRequest, "fate">): Fate => "ok",
    file: () => appended.join("")
  }
  const fail = (
    reason: string,
    ambiguous: boolean,
    more: { status?: number; retryAfterMillis?: number } = {}
  ) => new SiteUnavailable({ operation: "log push", reason, ambiguous, ...more })
  /** Airflow's order: its file first, then the row, whose key holds the time. */
  const store = (time: string, text: string): boolean => {
    if (text !== "") appended.push(text)
    const isNew = !rows.has(time)
    rows.add(time)
    return isNew
  }
  const process = (time: string, text: string) =>
    store(time, text) ? Effect.void : fail("Internal Server Error", true, { status: 500 })
  const push = (
    key: JobKey,
    { log_chunk_data: text, log_chunk_time: time, task_instance_id = null }: PushLogsBody
  ): Effect.Effect<void, SiteUnavailable> => {
    const request = { key, taskInstanceId: task_instance_id, time, text }
    const fate = script.shift() ?? site.otherwise(request)
    requests.push({ ...request, fate })
    switch (fate) {
      case "ok":
        return process(time, text)
      case "lost-before":
        return fail("no answer", true)
      case "lost-after":
        store(time, text)
        return fail("no answer", true)
      case "500-before":
        return fail("Internal Server Error", true, { status: 500 })
      case "500-after":
        if (text !== "") appended.push(text)
        return fail("Internal Server Error", true, { status: 500 })
      case "502-after":
        store(time, text)
        return fail("Bad Gateway", true, { status: 502 })
      case "away":
        return fail("connection refused", false)
      case "busy":
        return fail("Service Unavailable", false, { status: 503, retryAfterMillis: 120_000 })
      default:
        return Buffer.byteLength(JSON.stringify(text)) > fate
          ? fail("Request Entity Too Large", false, { status: 413 })
          : process(time, text)
    }
  }
  const unexpected = () => Effect.die("Unexpected call")
  const layer = Layer.succeed(
    EdgeClient,
    EdgeClient.of({
      register: unexpected,
      setState: unexpected,
      fetch: unexpected,
      reportJob: unexpected,
      siteVersion: unexpected(),
      pushLog: (key, body) => Effect.suspend(() => push(key, body))
    })
  )
  return { ...site, site, layer }
}
export type LogSite = ReturnType<typeof makeLogSite>
