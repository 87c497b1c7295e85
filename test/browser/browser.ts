/** A central on a socket of this machine, and a Chromium that is logged in at it by the one-time link. */
import { type Effect, Layer, Logger, ManagedRuntime, Redacted, Result } from "effect"
import { type Browser, chromium, type Page } from "playwright-core"
import { Accounts } from "../../src/central/Accounts.ts"
import type { Jobs } from "../../src/central/Jobs.ts"
import { Repository } from "../../src/central/Repository.ts"
import type { WorkerRecord } from "../../src/central/WorkerRecord.ts"
import { Workers } from "../../src/central/Workers.ts"
import { knowWorker } from "../central/jobsHarness.ts"
import { port, served } from "../central/served.ts"

/** As little of the browser as the pages need: it asks nobody else for anything. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["EDGE_WORKER_TEST_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })

const make = () => ManagedRuntime.make(Layer.merge(served(), Logger.layer([])))

/** A central that is there until `stop`. */
export const startCentral = async () => {
  const runtime = make()
  const address = `http://127.0.0.1:${await runtime.runPromise(port)}`
  const run = <A, E>(effect: Effect.Effect<A, E, Accounts | Jobs | Repository | Workers>) =>
    runtime.runPromise(effect)
  /** Puts a worker as it would be after a heartbeat just now. */
  const know = (worker: Partial<WorkerRecord> & { readonly name: string }) =>
    run(
      knowWorker({
        firstOnline: Date.now() - 3_600_000,
        lastUpdate: Date.now(),
        ...worker,
        sysinfo: {
          airflow_version: "3.3.2",
          edge_provider_version: "5.1.0",
          concurrency: 8,
          free_concurrency: 8,
          status: 20,
          ...worker.sysinfo
        }
      })
    )
  return {
    address,
    run,
    know,
    get: (name: string) => run(Workers.use((workers) => workers.get(name))),
    forget: (name: string) =>
      run(
        Repository.use((repository) =>
          repository.changeWorker(name, () => Result.succeed([undefined, undefined]))
        )
      ),
    stop: () => runtime.dispose()
  }
}

export type Central = Awaited<ReturnType<typeof startCentral>>

/** What went wrong in a page that nobody asked about: scripts that failed, what the policy forbade. */
const complaints = new WeakMap<Page, Array<string>>()
export const complaintsOf = (page: Page): ReadonlyArray<string> => complaints.get(page) ?? []

/** A browser of its own, logged in. */
export const logIn = async (
  browser: Browser,
  central: Central,
  options: Parameters<Browser["newContext"]>[0] = {}
): Promise<Page> => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 }, ...options })
  const page = await context.newPage()
  const list: Array<string> = []
  complaints.set(page, list)
  page.on("pageerror", (error) => list.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error") list.push(message.text())
  })
  const link = await central.run(Accounts.use(({ makeLink }) => makeLink))
  await page.goto(`${central.address}/login?link=${Redacted.value(link)}`)
  await page.waitForURL(`${central.address}/`)
  return page
}
