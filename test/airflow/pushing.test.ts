/** The site's log file is the worker's after one stated function, whatever the text, the limits and the returns. */
import { expect, test } from "vitest"
import { jobsSucceed, sameLog, site, trigger, workerLog } from "./site.ts"
import { ours, startWorker } from "./worker.ts"

const occurrences = (text: string, part: string) => text.split(part).length - 1

test("talkative: 20,000 lines of multi-byte text arrive as they are", async () => {
  const worker = await startWorker()
  const run = await trigger("talkative")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const text = await sameLog(worker.logFolder, run, { task: "talks" }, { seconds: 60 })
  expect(text).toContain("19999 日本語 é 🛰")
})

test("talkative with a chunk limit of 300 bytes: no character is cut", async () => {
  const worker = await startWorker({ settings: { AIRFLOW__EDGE__PUSH_LOG_CHUNK_SIZE: "300" } })
  const run = await trigger("talkative", { lines: 300 })
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const text = await sameLog(worker.logFolder, run, { task: "talks" }, { seconds: 60 })
  expect(text).toContain("299 日本語 é 🛰")
  const pushes = worker.gateway.exchanges.filter((exchange) => exchange.path.startsWith("logs/push"))
  expect(pushes.length).toBeGreaterThan(50)
})

test("NUL becomes U+FFFD, a byte that is no UTF-8 becomes \\xNN", async () => {
  const worker = await startWorker()
  const run = await trigger("raw_bytes")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const text = await sameLog(worker.logFolder, run, { task: "writes" })
  expect(workerLog(worker.logFolder, run, { task: "writes" }).includes(0xff)).toBe(true)
  expect(text).toContain(
    "NUL \ufffd, lone byte \\xff, cut sequence \\xe6\\x97 ., surrogate \\xed\\xa0\\x80, overlong \\xc0\\xaf"
  )
})

test.runIf(ours)(
  "a gateway that answers 413 over 50,000 bytes: the whole log arrives, the job ends",
  async () => {
    const worker = await startWorker()
    worker.gateway.limitBody(50_000)
    const run = await trigger("talkative", { lines: 5000 })
    expect(await site.api.dagRunEnded(run)).toBe("success")
    const text = await sameLog(worker.logFolder, run, { task: "talks" }, { seconds: 60 })
    expect(text.length).toBeGreaterThan(200_000)
    await jobsSucceed(run, 1)
  }
)

test.runIf(ours)("a deferred task comes back to the same log: no byte twice, none missing", async () => {
  const worker = await startWorker()
  const run = await trigger("deferring")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const text = await sameLog(worker.logFolder, run, { task: "defers" })
  expect(occurrences(text, "before the trigger é")).toBe(1)
  expect(occurrences(text, "after the trigger 日本")).toBe(1)
})

test.runIf(ours)("a rescheduled sensor comes back to the same log: no byte twice, none missing", async () => {
  const worker = await startWorker()
  const run = await trigger("rescheduling")
  expect(await site.api.dagRunEnded(run)).toBe("success")
  const text = await sameLog(worker.logFolder, run, { task: "looks" })
  expect(occurrences(text, "looked é")).toBeGreaterThan(1)
})
