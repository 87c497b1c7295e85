/** The page of the jobs and a job's log in a real browser. */
import type { Browser, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { JobRecord } from "../../src/central/JobRecord.ts"
import { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import { jobRecord } from "../central/records.ts"
import { type Central, complaintsOf, launch, logIn, startCentral } from "./browser.ts"

let browser: Browser
let central: Central
let page: Page
const add = (task: string, changes: Partial<JobRecord> = {}) =>
  central.run(
    Repository.use((repository) =>
      repository.addJob(jobRecord(task, { queuedAt: Date.now(), lastUpdate: Date.now(), ...changes }))
    )
  )
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())
beforeEach(async () => {
  central = await startCentral()
  await add("one", { queue: "gpu" })
  await add("two", { state: "running", worker: "w1" })
  await add("three", { state: "success", worker: "w1" })
  page = await logIn(browser, central)
  await page.getByRole("link", { name: "Edge Worker Jobs" }).click()
})
afterEach(async () => {
  await page.context().close()
  await central.stop()
})

const row = (task: string) => page.locator("#rows tr", { hasText: task })

describe("the jobs", () => {
  it("are filtered by each of their parts", async () => {
    expect(await page.locator("#rows tr").count()).toBe(3)
    for (const [label, text, left] of [
      ["Task", "TW", "two"],
      ["Queue", "gpu", "one"],
      ["Worker", "w1", "two"]
    ] as const) {
      await page.getByRole("searchbox", { name: label }).fill(text)
      await row(left).waitFor()
      await row(left === "one" ? "two" : "one").waitFor({ state: "detached" })
      await page.getByRole("searchbox", { name: label }).fill("")
      await row("one").waitFor()
    }
    await page.getByText("State", { exact: true }).first().click()
    await page.getByLabel("success", { exact: true }).check()
    await row("one").waitFor({ state: "detached" })
    await row("three").waitFor()
    for (const [label, text] of [
      ["DAG", "none"],
      ["Run", "none"]
    ] as const) {
      await page.getByRole("searchbox", { name: label }).fill(text)
      await page.getByText("No job fits.").waitFor()
      await page.getByRole("searchbox", { name: label }).fill("")
      await row("three").waitFor()
    }
    expect(complaintsOf(page)).toEqual([])
  })

  it("appear, change and can be cancelled while they are not over", async () => {
    expect(await row("three").getByRole("button").count()).toBe(0)
    page.once("dialog", (question) => question.dismiss())
    await row("one")
      .getByRole("button", { name: /Cancel/ })
      .click()
    await row("one").getByText("queued").waitFor()
    page.once("dialog", (question) => question.accept())
    await row("one")
      .getByRole("button", { name: /Cancel/ })
      .click()
    await row("one").getByText("cancelled by admin").waitFor()
    await page.locator("#message").getByText("cancelled").waitFor()
    await add("four")
    await row("four").waitFor()
    await central.run(
      Jobs.use((jobs) => jobs.report(jobRecord("two").key, "success", jobRecord("two").taskInstanceId))
    )
    await row("two").getByText("success").waitFor()
    expect(complaintsOf(page)).toEqual([])
  })

  it("have a log that grows by itself, and ends", async () => {
    const { key, taskInstanceId } = jobRecord("two")
    const write = (at: number, text: string) =>
      central.run(
        Repository.use((repository) => repository.appendLog(key, { time: `2026-01-01T00:00:0${at}Z`, text }))
      )
    await write(1, '{"timestamp":"2026-01-01T00:00:01Z","level":"info","event":"hello"}\n')
    await row("two").getByRole("link", { name: /Log/ }).click()
    const log = page.getByRole("log")
    await log.getByText("hello").waitFor()
    await write(2, "<b>plain</b> \x1b[31mred\x1b[0m\n")
    await log.getByText("<b>plain</b> red").waitFor()
    await page.route("**/ui/log*", (route) => route.abort())
    await page.locator("#connection").getByText("does not answer").waitFor()
    await page.unroute("**/ui/log*")
    await write(3, "the last line\n")
    await log.getByText("the last line").waitFor()
    await page.locator("#connection").waitFor({ state: "hidden" })
    await central.run(Jobs.use((jobs) => jobs.report(key, "success", taskInstanceId)))
    await log.getByText("end of the log").waitFor()
    expect(await log.textContent()).toMatch(
      /^2026-01-01T00:00:01Z INFO hello\n<b>plain<\/b> red\nthe last line\n\n— end of the log, ✔.? success —\n?$/
    )
    expect(complaintsOf(page).filter((text) => !/ERR_FAILED|Failed to fetch/.test(text))).toEqual([])
  })
})
