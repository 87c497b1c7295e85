/** The errors of a call to the site: what each says to a person. */
import { expect, it } from "vitest"
import {
  SiteUnavailable,
  VersionRejected,
  WorkerConflict,
  WorkerNotFound
} from "../../src/worker/EdgeError.ts"

it.each([
  [new VersionRejected({ detail: "too old" }), "too old"],
  [new WorkerConflict({ detail: "is active" }), "is active"],
  [new WorkerNotFound(), "the site does not know this worker"],
  [new SiteUnavailable({ operation: "fetch", reason: "HTTP 500", ambiguous: true }), "fetch: HTTP 500"]
])("%j", (error, message) => {
  expect(error.message).toBe(message)
  expect(String(error)).toContain(message)
})
