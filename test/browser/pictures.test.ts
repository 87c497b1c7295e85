/** The pictures of the README, and what a narrow screen, the dark and the checker of accessible names see. */
import { mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Repository } from "../../src/central/Repository.ts"
import { jobRecord } from "../central/records.ts"
import { type Central, launch, logIn, startCentral } from "./browser.ts"

/** Into the repository only where that is asked for: `EDGE_WORKER_TEST_PICTURES=docs/images npm run test:browser`. */
const folder = process.env["EDGE_WORKER_TEST_PICTURES"] ?? join(tmpdir(), "edge-worker-pictures")
mkdirSync(folder, { recursive: true })

let browser: Browser
let central: Central
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())
const minute = 60_000
beforeEach(async () => {
  central = await startCentral()
  const now = Date.now()
  await central.know({
    name: "gpu-box-1",
    state: "running",
    queues: ["gpu", "training"],
    jobsActive: 3,
    sysinfo: { free_concurrency: 5 }
  })
  await central.know({
    name: "gpu-box-2",
    queues: ["gpu"],
    concurrency: 4,
    sysinfo: { concurrency: 4, free_concurrency: 4 }
  })
  await central.know({
    name: "lab-raspberry",
    state: "maintenance mode",
    maintenanceComment: "[2026-11-24 08:30] - ada put node into maintenance mode\nComment: new SD card",
    sysinfo: { status: 30, status_text: "Disk nearly full", concurrency: 2, free_concurrency: 2 }
  })
  await central.know({
    name: "plant-hamburg",
    state: "idle",
    queues: ["plant"],
    sysinfo: { edge_provider_version: "5.0.2", status: 30, status_text: "Healthy but version mismatch" }
  })
  await central.know({
    name: "van-7",
    state: "unknown",
    lastUpdate: now - 47 * minute,
    sysinfo: { status: 0 }
  })
  const jobs = [
    ["train", { state: "running", worker: "gpu-box-1", queue: "gpu" }],
    ["evaluate", { state: "queued", queue: "gpu" }],
    ["fetch_images", { state: "success", worker: "gpu-box-1", queue: "gpu" }],
    ["read_sensors", { state: "failed", worker: "van-7", queue: "default", reason: "worker van-7 is gone" }],
    ["calibrate", { state: "removed", queue: "plant", reason: "cancelled by ada" }],
    ["compress", { state: "running", worker: "gpu-box-1", queue: "default" }]
  ] as const
  for (const [at, [task, changes]] of jobs.entries()) {
    const { key } = jobRecord(task)
    await central.run(
      Repository.use((repository) =>
        repository.addJob(
          jobRecord(task, {
            ...changes,
            key: { ...key, dag_id: "vision", run_id: "scheduled__2026-11-24T08:00:00+00:00" },
            queuedAt: now - (at + 1) * minute,
            lastUpdate: now - at * 20_000
          })
        )
      )
    )
  }
})
afterEach(() => central.stop())

/** Cells whose content is wider than they are. */
const overlaps = `[...document.querySelectorAll("td > div")]
  .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
  .map((cell) => cell.textContent)`

const paths = [
  ["hosts", ""],
  ["jobs", "jobs"]
] as const

describe("the pages", () => {
  it("look as in the README, light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await logIn(browser, central, { colorScheme, viewport: { width: 1440, height: 800 } })
      for (const [name, path] of paths) {
        await page.goto(`${central.address}/${path}`)
        await page.locator("#rows tr").first().waitFor()
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(1440)
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) })
      }
      await page.goto(`${central.address}/`)
      await page.getByRole("button", { name: "Manage lab-raspberry" }).click()
      await page.getByRole("dialog").waitFor()
      await page.screenshot({ path: join(folder, `dialog-${colorScheme}.png`) })
      await page.context().close()
    }
  })

  it("fit a phone: nothing has to be moved sideways", async () => {
    const page = await logIn(browser, central, {
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true
    })
    for (const [name, path] of paths) {
      await page.goto(`${central.address}/${path}`)
      await page.locator("#rows tr").first().waitFor()
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360)
      expect(await page.evaluate(overlaps)).toEqual([])
      await page.screenshot({ path: join(folder, `${name}-phone.png`), fullPage: true })
    }
    await page.goto(`${central.address}/`)
    await page.getByRole("button", { name: "Manage lab-raspberry" }).tap()
    await page.getByRole("dialog").waitFor()
    await page.screenshot({ path: join(folder, "dialog-phone.png") })
    await page.context().close()
  })

  it("name everything that can be used, and say each state in words", async () => {
    const page = await logIn(browser, central)
    for (const [, path] of paths) {
      await page.goto(`${central.address}/${path}`)
      const nameless = await page.evaluate(`
        [...document.querySelectorAll("button, a[href], input:not([type=hidden]), textarea, summary")]
          .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim() || element.closest("label")))
          .map((element) => element.outerHTML)`)
      expect(nameless).toEqual([])
      const wordless = await page.evaluate(`
        [...document.querySelectorAll(".state")]
          .filter((element) => !/[a-z]{3}/.test([...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("")))
          .map((element) => element.outerHTML)`)
      expect(wordless).toEqual([])
      expect(await page.getByRole("table").count()).toBe(1)
      expect(await page.getByRole("columnheader").count()).toBeGreaterThan(8)
    }
    await page.context().close()
  })
})
