/** JournalCodec: the journal's entries as JSON: no token, every number of a job digit by digit. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { JournalEntry } from "../platform/JournalStore.ts"
import { JobState } from "../protocol/EdgeApi.ts"
import { Job, JobKey } from "../protocol/Job.ts"
import * as Json from "../protocol/Json.ts"
import type { LogOffset, OpenClaim, Report } from "./Journal.ts"

const StoredClaim = Schema.Struct({
  claim: Schema.Struct({
    id: Schema.String,
    job: Job,
    claimedAt: Schema.Finite,
    expires: Schema.NullOr(Schema.Finite)
  }),
  /** Absent until the process exists. */
  handle: Schema.optionalKey(Schema.Unknown),
  ended: Schema.Boolean,
  /** Absent in a journal of format 1. */
  log: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const StoredReport = Schema.Struct({
  id: Schema.Int,
  claimId: Schema.String,
  key: JobKey,
  taskInstanceId: Schema.NullOr(Schema.String),
  state: JobState,
  expires: Schema.NullOr(Schema.Finite),
  trace: Schema.optionalKey(
    Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })
  )
})

const StoredOffset = Schema.Struct({ path: Schema.String, inode: Schema.String, offset: Schema.Int })

const decodeClaim = Schema.decodeUnknownOption(StoredClaim)
const decodeReport = Schema.decodeUnknownOption(StoredReport)
const decodeOffset = Schema.decodeUnknownOption(StoredOffset)

/** The token stays in memory: what is left to do after a restart needs none. */
export const encodeClaim = ({ claim, ended, handle, log }: OpenClaim): string =>
  Json.stringify({
    claim: { ...claim, job: { ...claim.job, command: { ...claim.job.command, token: "" } } },
    ...(handle === undefined ? {} : { handle }),
    ended,
    ...(log === undefined ? {} : { log })
  }) ?? ""

export const encodeReport = (report: Report): string => JSON.stringify(report)

type Decoded =
  | { readonly _tag: "claim"; readonly open: OpenClaim }
  | { readonly _tag: "report"; readonly report: Report }
  | { readonly _tag: "offset"; readonly offset: LogOffset }

/** `undefined` where the entry is not what its kind promises, or is not that of its id: nothing would remove it. */
export const decodeEntry = ({ id, kind, value }: JournalEntry): Decoded | undefined => {
  let json: unknown
  try {
    json = Json.parse(value)
  } catch {
    return undefined
  }
  switch (kind) {
    case "claim": {
      const stored = Option.getOrUndefined(decodeClaim(json))
      if (stored?.claim.id !== id) return undefined
      const { claim, ended, log } = stored
      const handle = stored.handle as Schema.Json | undefined
      return { _tag: "claim", open: { claim, handle, ended, ...(log === undefined ? {} : { log }) } }
    }
    case "report": {
      const stored = Option.getOrUndefined(decodeReport(json))
      if (stored === undefined || `${stored.id}` !== id) return undefined
      return { _tag: "report", report: { ...stored, trace: stored.trace } }
    }
    case "offset": {
      const stored = Option.getOrUndefined(decodeOffset(json))
      return stored?.path === id ? { _tag: "offset", offset: stored } : undefined
    }
    default:
      return undefined
  }
}
