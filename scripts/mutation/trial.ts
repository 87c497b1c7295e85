/** One file of tests against the changes that nothing has noticed yet, in as many processes as hang. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Order, orderFile, root, type Word, wordsFile } from "./changes.ts"

/** What is known of the changes so far. */
export interface Known {
  readonly noticed: Set<string>
  /** Those of them that made a test hang. */
  readonly hung: Set<string>
  /** Reached by a test. */
  readonly reached: Set<string>
  /** Reached when the files are loaded. */
  readonly loaded: Set<string>
}

let child: ChildProcess | undefined

/** Ends the tests that run now, with all of their processes. */
export const endTests = () => {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-child.pid, "SIGKILL")
}

/** A busy machine may be late by this much. */
const grace = 15_000

/** By test: what it reaches and was not run against yet. */
export type Left = Record<string, ReadonlyArray<string>>

/**
 * Runs the file of tests against these changes; ends when each is noticed, or all tests that reach it were run. With `own`
 * a test of the whole worker is run against these only.
 */
export const tryTests = async (
  file: string,
  changes: ReadonlyArray<string>,
  known: Known,
  left: Left,
  own?: ReadonlyArray<string>
) => {
  const remove = (test: string, change: string) => {
    left[test] = (left[test] ?? []).filter((other) => other !== change)
  }
  const notice = (change: string) => known.noticed.add(change)
  let trust = 8

  /** Hears what the tests have said; true where they wait to be ended. */
  const hear = (word: Word): boolean => {
    switch (word._tag) {
      case "loads":
        for (const change of word.changes) known.loaded.add(change)
        return false
      case "reaches":
        for (const change of word.changes) known.reached.add(change)
        left[word.test] = [...word.changes]
        return false
      case "tries":
        return false
      case "lived":
        remove(word.test, word.change)
        return false
      case "noticed":
        for (const change of word.changes) notice(change)
        return false
      case "hung":
        notice(word.change)
        known.hung.add(word.change)
        return !word.isOver
      case "spoilt":
        // One by one from now on: then it is the first of its process, or the one before it has spoilt it.
        trust = 1
        if (word.isFirst) for (const change of word.changes) notice(change)
        return true
      case "red":
        console.error(`${file}: ${word.test}: red without a change: ${word.error}`)
        return false
      case "slow":
        console.error(`${file}: ${word.test}: too slow for ${word.changes} changes`)
        return false
    }
  }

  /** One process; true where it was ended with something left to do. */
  const run = async (): Promise<boolean> => {
    const order: Order = { changes: changes.filter((change) => !known.noticed.has(change)), left, own, trust }
    if (order.changes.length === 0) return false
    writeFileSync(orderFile, JSON.stringify(order))
    rmSync(wordsFile, { force: true })
    const vitest = join(root, "node_modules/vitest/vitest.mjs")
    const args = [vitest, "run", "--config", "vitest.mutate.config.ts", file]
    const running = spawn(process.execPath, args, { cwd: root, stdio: "ignore", detached: true })
    child = running
    let heard = 0
    let wasEnded = false
    let last: Word | undefined
    let lastAt = Date.now()
    const listen = () => {
      if (wasEnded || !existsSync(wordsFile)) return
      const lines = readFileSync(wordsFile, "utf8").split("\n").slice(heard, -1)
      for (const line of lines) {
        heard += 1
        last = JSON.parse(line) as Word
        lastAt = Date.now()
        if (hear(last)) wasEnded = true
      }
      // A loop without a wait says nothing any more.
      if (last?._tag === "tries" && Date.now() - lastAt > last.limit + grace) {
        wasEnded = true
        hear({ ...last, _tag: "hung", isOver: false })
      }
      if (wasEnded) endTests()
    }
    const often = setInterval(listen, 200)
    await once(running, "exit")
    clearInterval(often)
    listen()
    return wasEnded
  }

  while (await run()) {
    // Anew, with what is left.
  }
}
