/** How vitest runs the tests for `npm run mutate`: each test once as it is, then once for each change that it reaches. */
import { appendFileSync, readFileSync } from "node:fs"
import { type RunnerTestCase, TestRunner } from "vitest"
import { type Order, orderFile, type Word, wordsFile } from "./changes.ts"

/** What Stryker's switches look at. */
interface Switches {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> }
}

const switches: Switches = {}
Object.assign(globalThis, { __stryker__: switches })

const order: Order = JSON.parse(readFileSync(orderFile, "utf8"))
const open = new Set(order.changes)
const own = order.own === undefined ? undefined : new Set(order.own)
const say = (word: Word) => appendFileSync(wordsFile, `${JSON.stringify(word)}\n`)

/** A test that takes more CPU time (milliseconds) is run against no change, unless it is the simulation. */
const slow = 2_000
/** A test that reaches more changes has the whole worker in it. */
const wide = 450

/** True where it went well, false where it did not, undefined where it was not over in time. */
const outcome = (run: () => unknown, limit: number): Promise<boolean | undefined> => {
  const over = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => over.resolve(undefined), limit)
  const went = Promise.resolve()
    .then(run)
    .then(
      () => true,
      () => false
    )
  return Promise.race([went, over.promise]).finally(() => clearTimeout(timer))
}

let hasBegun = false
let tried = 0
/** Noticed, if the test turns out to be green without them still. */
let unsure: Array<string> = []

/** The driver ends this process: what hangs, or is spoilt, must not touch another change. */
const waitForTheEnd = () => new Promise<never>(() => {})

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** With the change switched off most loops without a wait find their wait again; whether nothing runs any more. */
const isQuiet = async () => {
  await pause(50)
  const before = performance.eventLoopUtilization()
  await pause(150)
  return performance.eventLoopUtilization(before).utilization < 0.3
}

/** What a change left behind must not look like a test that notices the next one. */
const makeSure = async (run: () => unknown, limit: number) => {
  if (unsure.length === 0) return
  const isGreen = await outcome(run, 4 * limit)
  say({ _tag: isGreen ? "noticed" : "spoilt", changes: unsure, isFirst: tried === 1 })
  if (!isGreen) await waitForTheEnd()
  unsure = []
}

const tryChange = async (test: string, run: () => unknown, change: string, hits: number, limit: number) => {
  say({ _tag: "tries", test, change, limit })
  tried += 1
  Object.assign(switches, { activeMutant: change, hitCount: 0, hitLimit: 1_000 + 100 * hits })
  const isGreen = await outcome(run, limit)
  const isLoop = (switches.hitCount ?? 0) > (switches.hitLimit ?? 0)
  Object.assign(switches, { activeMutant: undefined, hitCount: undefined })
  if (isGreen === undefined) {
    const isOver = await isQuiet()
    say({ _tag: "hung", test, change, isOver })
    open.delete(change)
    return isOver ? undefined : waitForTheEnd()
  }
  if (isGreen && !isLoop) return say({ _tag: "lived", test, change })
  open.delete(change)
  unsure.push(change)
  if (unsure.length >= order.trust) await makeSure(run, limit)
}

export default class MutationRunner extends TestRunner {
  async runTask(task: RunnerTestCase) {
    const run = TestRunner.getTestFn(task)
    const test = task.id
    if (!hasBegun) say({ _tag: "loads", changes: Object.keys(switches.mutantCoverage?.static ?? {}) })
    hasBegun = true
    const known = order.left[test]
    if (known !== undefined && !known.some((change) => open.has(change))) return
    switches.currentTestId = test
    const began = performance.now()
    const cpu = process.cpuUsage()
    try {
      await run()
    } catch (error) {
      say({ _tag: "red", test: task.name, error: String(error) })
      throw error
    } finally {
      switches.currentTestId = undefined
    }
    const limit = 2_500 + 10 * (performance.now() - began)
    const used = process.cpuUsage(cpu)
    const hits = switches.mutantCoverage?.perTest[test] ?? {}
    if (known === undefined) say({ _tag: "reaches", test, changes: Object.keys(hits) })
    const isWide = Object.keys(hits).length > wide
    const changes = (known ?? Object.keys(hits)).filter(
      (change) => open.has(change) && (!isWide || own === undefined || own.has(change))
    )
    if ((used.user + used.system) / 1000 > slow && !task.file.name.includes("simulation")) {
      return say({ _tag: "slow", test: task.name, changes: changes.length })
    }
    for (const change of changes) await tryChange(test, run, change, hits[change] ?? 0, limit)
    await makeSure(run, limit)
  }
}
