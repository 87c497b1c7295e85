/** The page of the hosts in a real browser: every action, a selection, two browsers, what is being typed, a worker that vanishes. */
import type { Browser, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type Central, complaintsOf, launch, logIn, startCentral } from "./browser.ts"

let browser: Browser
let central: Central
let page: Page
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())
beforeEach(async () => {
  central = await startCentral()
  await central.know({ name: "w1", queues: ["gpu"] })
  await central.know({ name: "w2" })
  await central.know({ name: "gone", state: "offline" })
  page = await logIn(browser, central)
})
afterEach(async () => {
  await page.context().close()
  await central.stop()
})

const row = (name: string, at = page) => at.getByRole("row", { name: new RegExp(`(?:Select )?${name} `) })
const dialog = () => page.getByRole("dialog")
const manage = async (name: string) => {
  await page.getByRole("button", { name: `Manage ${name}`, exact: true }).click()
  await dialog().waitFor()
}
const message = () => page.locator("#message")
/** Waits until the text is there, however the list renews itself. */
const shows = async (locator: ReturnType<Page["locator"]>, text: string | RegExp) => {
  await locator.filter({ hasText: text }).first().waitFor()
}
/** As often as the list asks. */
const renewed = async (at = page) => {
  await at.waitForResponse((response) => response.url().includes("/ui/workers"))
}

describe("the actions", () => {
  it("maintenance on, its comment changed, off", async () => {
    await manage("w1")
    await dialog().getByLabel("Comment").fill("new disk")
    await dialog().getByRole("button", { name: "Begin maintenance" }).click()
    await shows(message(), "w1: maintenance is requested")
    await dialog().waitFor({ state: "hidden" })
    await shows(row("w1"), "maintenance request")
    await shows(row("w1"), "new disk")

    await manage("w1")
    expect(await dialog().getByLabel("Comment").inputValue()).toBe("new disk")
    await dialog().getByLabel("Comment").fill("two\nnew disks")
    await dialog().getByRole("button", { name: "Change the comment" }).click()
    await shows(message(), "w1: the comment is changed")
    expect((await central.get("w1")).maintenanceComment).toMatch(/updated comment:\ntwo\nnew disks$/)

    await manage("w1")
    expect(await dialog().getByLabel("Comment").inputValue()).toBe("two\nnew disks")
    await dialog().getByLabel("Comment").fill("")
    await dialog().getByRole("button", { name: "End maintenance" }).click()
    await shows(row("w1"), "maintenance exit")
    expect(complaintsOf(page)).toEqual([])
  })

  it("a comment is required", async () => {
    await manage("w1")
    await dialog().getByRole("button", { name: "Begin maintenance" }).click()
    expect(await dialog().locator("textarea:invalid").count()).toBe(1)
    expect((await central.get("w1")).state).toBe("idle")
  })

  it("queues and concurrency", async () => {
    await manage("w1")
    await dialog().getByLabel("Queue", { exact: true }).fill("fast")
    await dialog().getByRole("button", { name: "Add the queue" }).click()
    await shows(row("w1"), "fast")
    await manage("w1")
    await dialog().getByLabel("Queue", { exact: true }).fill("gpu")
    await dialog().getByRole("button", { name: "Remove the queue" }).click()
    await shows(message(), "w1: the queue is removed")
    expect((await central.get("w1")).queues).toEqual(["fast"])
    await manage("w1")
    await dialog().getByLabel("Slots").fill("3")
    await dialog().getByRole("button", { name: "Set the concurrency" }).click()
    await shows(row("w1"), "set to 3")
  })

  it("shutdown and removal, each after a question", async () => {
    await manage("w1")
    page.once("dialog", (question) => question.dismiss())
    await dialog().getByRole("button", { name: "Shut down" }).click()
    expect((await central.get("w1")).state).toBe("idle")
    page.once("dialog", (question) => question.accept())
    await dialog().getByRole("button", { name: "Shut down" }).click()
    await shows(row("w1"), "shutdown request")
    await manage("gone")
    page.once("dialog", (question) => question.accept())
    await dialog().getByRole("button", { name: "Remove" }).click()
    await shows(message(), "gone: it is removed")
    await row("gone").waitFor({ state: "detached" })
    expect(complaintsOf(page)).toEqual([])
  })

  it("the same for a selection, which the list's renewal leaves alone", async () => {
    await page.getByLabel("Select w1").check()
    await page.getByLabel("Select w2").check()
    await renewed()
    await renewed()
    await shows(page.locator("#selected"), "2 of 3 selected")
    await page.getByRole("button", { name: "Manage the selection" }).click()
    await shows(dialog().getByRole("heading"), "Manage 2 workers")
    await dialog().getByLabel("Comment").fill("move")
    await dialog().getByRole("button", { name: "Begin maintenance" }).click()
    await shows(message(), "w2: maintenance is requested")
    await shows(row("w1"), "move")
    await shows(row("w2"), "move")
    expect((await central.get("gone")).state).toBe("offline")
  })
})

describe("the page", () => {
  it("renews itself without touching what is being typed", async () => {
    await manage("w1")
    await dialog().getByLabel("Comment").fill("half a sen")
    await central.know({ name: "w2", state: "running", jobsActive: 2, sysinfo: { free_concurrency: 6 } })
    await shows(row("w2"), "2 of 8 used, 6 free")
    expect(await dialog().getByLabel("Comment").inputValue()).toBe("half a sen")
    expect(await page.locator("textarea:focus").count()).toBe(1)
    await page.keyboard.press("Escape")
    await dialog().waitFor({ state: "hidden" })
    // where one was before
    expect(await page.locator("button:focus").getAttribute("aria-label")).toBe("Manage w1")
    await page.getByLabel("Name").fill("w")
    await row("gone").waitFor({ state: "detached" })
    await page.getByLabel("Name").pressSequentially("1")
    await row("w2").waitFor({ state: "detached" })
    await renewed()
    expect(await page.getByLabel("Name").inputValue()).toBe("w1")
    expect(await page.locator("input[name=name]:focus").count()).toBe(1)
    expect(new URL(page.url()).search).toBe("?name=w1")
    await page.reload()
    await row("w1").waitFor()
    expect(await row("w2").count()).toBe(0)
  })

  it("filters by queue and state", async () => {
    await page.getByLabel("Queue").fill("GP")
    await row("w2").waitFor({ state: "detached" })
    await row("w1").waitFor()
    await page.getByLabel("Queue").fill("")
    await row("w2").waitFor()
    await page.getByText("State", { exact: true }).first().click()
    await page.getByLabel("offline", { exact: true }).check()
    await row("w1").waitFor({ state: "detached" })
    await row("gone").waitFor()
  })

  it("shows what another browser does, and what becomes of a worker that vanishes", async () => {
    const other = await logIn(browser, central)
    await other.getByRole("button", { name: "Manage w2" }).click()
    await other.getByRole("dialog").getByLabel("Comment").fill("mine")
    await central.forget("w1")
    await manage("gone")
    await central.forget("gone")
    await row("w1").waitFor({ state: "detached" })
    page.once("dialog", (question) => question.accept())
    await dialog().getByRole("button", { name: "Remove" }).click()
    await shows(page.getByRole("alert"), "Worker gone not found")
    await other.getByRole("button", { name: "Begin maintenance" }).click()
    await shows(row("w2"), "mine")
    await other.context().close()
  })

  it("says when the central does not answer, keeps what it shows, and goes on", async () => {
    await page.route("**/ui/workers*", (route) => route.abort())
    await shows(page.locator("#connection"), "does not answer")
    expect(await row("w1").count()).toBe(1)
    await page.unroute("**/ui/workers*")
    await page.locator("#connection").waitFor({ state: "hidden" })
  })

  it("keeps to the keyboard: skip link, dialog by Enter, focus inside it", async () => {
    await page.keyboard.press("Tab")
    expect(await page.locator("a.skip:focus").count()).toBe(1)
    await page.getByRole("button", { name: "Manage w1" }).focus()
    await page.keyboard.press("Enter")
    await dialog().waitFor()
    expect(await page.locator("#dialog-title:focus").count()).toBe(1)
    expect(await dialog().getAttribute("aria-labelledby")).toBe("dialog-title")
  })

  it("asks nobody but the central for anything, and runs nothing that a worker says", async () => {
    const asked: Array<string> = []
    page.on("request", (request) => asked.push(new URL(request.url()).origin))
    page.on("dialog", () => asked.push("an alert"))
    await central.know({
      name: `<img src=x onerror=alert(1)>`,
      queues: [`" hx-get="/ui/manage" hx-trigger="load`],
      maintenanceComment: "<script>alert(1)</script>"
    })
    await shows(page.locator("#rows"), "<script>alert(1)</script>")
    await renewed()
    expect(new Set(asked)).toEqual(new Set([central.address]))
    expect(complaintsOf(page)).toEqual([])
  })

  it("asks again for nothing while nothing changes, and its times go on by themselves", async () => {
    const heartbeat = Date.now() - 20_000
    for (const name of ["w1", "w2", "gone"]) await central.know({ name, lastUpdate: heartbeat })
    await shows(row("w2"), /2\d s ago/)
    const asked = () => page.waitForResponse((response) => response.url().includes("/ui/workers"))
    // what was under way may have been the last change
    await asked()
    const quiet = await asked()
    expect(quiet.status()).toBe(204)
    const time = row("w2").locator("time").last()
    const before = await time.textContent()
    await time.filter({ hasNotText: before ?? "" }).waitFor()
    await central.know({ name: "w2", state: "running", lastUpdate: Date.now() })
    await shows(row("w2"), "running")
    expect(complaintsOf(page)).toEqual([])
  })

  it("bears a thousand workers: a page of them at a time", async () => {
    for (let at = 0; at < 1000; at++) await central.know({ name: `x${String(at).padStart(4, "0")}` })
    await page.getByRole("searchbox", { name: "Name" }).fill("x")
    await shows(page.locator("#list .count"), "1000 workers")
    expect(await page.locator("#rows tr").count()).toBe(100)
    await page.getByRole("link", { name: "Next" }).click()
    await row("x0100").waitFor()
    await central.know({ name: "x0150", state: "running" })
    await shows(row("x0150"), "running")
    expect(await page.locator("#rows tr").count()).toBe(100)
    // another filter begins at its first page
    await page.getByRole("searchbox", { name: "Name" }).fill("x0001")
    await row("x0001").waitFor()
    expect(await page.locator("#rows tr").count()).toBe(1)
    expect(new URL(page.url()).search).toBe("?name=x0001")
    expect(complaintsOf(page)).toEqual([])
  })

  it("is for who is logged in", async () => {
    await page.getByRole("button", { name: "Log out" }).click()
    await page.waitForURL("**/login")
    await page.goto(`${central.address}/`)
    await page.waitForURL("**/login")
    expect(await page.getByLabel("Password").count()).toBe(1)
  })
})
