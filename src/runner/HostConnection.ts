/** HostConnection: one connection to a running Python host: requests and their answers, and the ends of its jobs. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { LineSocket } from "../platform/LineSocket.ts"

/** The host is gone, or it does not answer. */
export class HostGone extends Schema.TaggedError<HostGone>()("HostGone", { reason: Schema.String }) {
  override get message() {
    return `the Python host ${this.reason}`
  }
}

/** The host will not do it. */
export class HostRefused extends Schema.TaggedError<HostRefused>()("HostRefused", { reason: Schema.String }) {
  override get message() {
    return `the Python host refused: ${this.reason}`
  }
}

const decodeMessage = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Union([
      Schema.Struct({ event: Schema.Literal("ready"), pid: Schema.Int, threads: Schema.Int }),
      Schema.Struct({ event: Schema.Literal("ended"), job: Schema.String }),
      Schema.Struct({ id: Schema.Int, ok: Schema.Literal(false), error: Schema.String }),
      Schema.Struct({
        id: Schema.Int,
        ok: Schema.Literal(true),
        /** Of `start`. */
        pid: Schema.optionalKey(Schema.Int),
        start: Schema.optionalKey(Schema.String),
        /** Of `list`. */
        jobs: Schema.optionalKey(Schema.Array(Schema.Struct({ job: Schema.String, pid: Schema.Int }))),
        retired: Schema.optionalKey(Schema.Boolean)
      })
    ])
  )
)

/** What a host answers. */
export interface HostAnswer {
  readonly pid?: number
  readonly start?: string
  readonly jobs?: ReadonlyArray<{ readonly job: string; readonly pid: number }>
  /** True where it takes no more jobs. */
  readonly retired?: boolean
}

/** How long a host that is ready may take to answer. It forks in milliseconds; a stopped one never answers. */
const patience = "30 seconds"

/** Connects to the host whose socket lies at `path`. The connection ends with the scope; the host does not. */
export const connect = Effect.fnUntraced(function* (path: string) {
  const sockets = yield* LineSocket
  const ready = Deferred.makeUnsafe<{ readonly threads: number }, HostGone>()
  const closed = Deferred.makeUnsafe<void>()
  const requests = new Map<number, Deferred.Deferred<HostAnswer, HostGone | HostRefused>>()
  const jobs = new Map<string, Deferred.Deferred<void>>()
  let last = 0

  const onLine = (line: string) => {
    const message = Option.getOrUndefined(decodeMessage(line))
    if (message === undefined) return
    if ("event" in message) {
      if (message.event === "ready") Deferred.doneUnsafe(ready, Effect.succeed({ threads: message.threads }))
      else Deferred.doneUnsafe(jobEnd(message.job), Effect.void)
      return
    }
    const request = requests.get(message.id)
    requests.delete(message.id)
    if (request === undefined) return
    Deferred.doneUnsafe(
      request,
      message.ok ? Effect.succeed(message) : Effect.fail(new HostRefused({ reason: message.error }))
    )
  }
  const onClose = () => {
    const gone = Effect.fail(new HostGone({ reason: "has ended" }))
    Deferred.doneUnsafe(ready, gone)
    for (const request of requests.values()) Deferred.doneUnsafe(request, gone)
    requests.clear()
    Deferred.doneUnsafe(closed, Effect.void)
  }
  // An end may be told before the answer to the start was read: whoever comes first makes the entry.
  const jobEnd = (job: string) => {
    const found = jobs.get(job) ?? Deferred.makeUnsafe<void>()
    jobs.set(job, found)
    return found
  }

  const { send } = yield* sockets.connect(path, { onLine, onClose })

  const request = Effect.fnUntraced(function* (
    body: { readonly op: string } & Readonly<Record<string, string>>
  ) {
    const id = ++last
    const answer = Deferred.makeUnsafe<HostAnswer, HostGone | HostRefused>()
    requests.set(id, answer)
    if (Deferred.isDoneUnsafe(closed)) return yield* new HostGone({ reason: "has ended" })
    send(JSON.stringify({ ...body, id }))
    return yield* Deferred.await(answer).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(new HostGone({ reason: `has not answered for ${patience}` }))
      }),
      Effect.ensuring(Effect.sync(() => requests.delete(id)))
    )
  })

  return {
    /** Airflow is imported. Fails where the host ends before. */
    ready: Deferred.await(ready),
    request,
    /** The job's process is gone, or the connection is. */
    jobEnded: (job: string) =>
      Effect.raceFirst(Deferred.await(jobEnd(job)), Deferred.await(closed)).pipe(
        Effect.ensuring(Effect.sync(() => jobs.delete(job)))
      ),
    closed: Deferred.await(closed)
  }
})

/** A connection to a host. */
export type HostConnection = Effect.Success<ReturnType<typeof connect>>
