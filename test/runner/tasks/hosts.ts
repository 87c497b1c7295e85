/** hosts: the task hosts of a test's program, and one attempt in them as its supervisor sees it. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EdgeSettings } from "../../../src/config/EdgeConfig.ts"
import type { LogEvent, TaskEnd } from "../../../src/protocol/TaskComms.ts"
import { type TaskChannel, type TaskGone, Tasks } from "../../../src/runner/attempt/TaskChannel.ts"
import * as TaskHosts from "../../../src/runner/attempt/TaskHosts.ts"
import { testJob } from "../../../src/testing/testJob.ts"
import { machineLayer } from "../runnerLayer.ts"
import { detailsOf } from "./details.ts"

/** A program under a small heap. */
export const commandOf = (file: string) => [process.execPath, "--max-old-space-size=48", file]

/** The hosts alone. */
export const hostsLayer = (
  folder: string,
  options: {
    readonly program: ReadonlyArray<string>
    readonly settings?: Partial<EdgeSettings>
    readonly env?: Readonly<Record<string, string>>
    readonly oomRoot?: string
  }
) =>
  TaskHosts.layer({ program: options.program }).pipe(
    Layer.provideMerge(machineLayer({ folder, python: "none", runs: "fake", ...options })),
    Layer.fresh
  )

/** What an attempt has heard. */
export interface Seen {
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
  readonly log: ReadonlyArray<LogEvent>
  readonly values: ReadonlyArray<unknown>
  readonly end: TaskEnd["type"] | undefined
  readonly gone: TaskGone
}

const ends: ReadonlyArray<string> = ["SucceedTask", "TaskState", "RetryTask", "RescheduleTask"]

/** Answers whatever the task asks with nothing, until it is gone. */
export const follow = Effect.fnUntraced(function* (channel: TaskChannel) {
  const stdout: Array<string> = []
  const stderr: Array<string> = []
  const log: Array<LogEvent> = []
  const values: Array<unknown> = []
  let end: string | undefined
  while (true) {
    const heard = yield* channel.heard
    if (heard._tag === "Gone") return { stdout, stderr, log, values, end, gone: heard.how } as Seen
    if (heard._tag === "Wrote") (heard.stream === "stdout" ? stdout : stderr).push(heard.line)
    else if ("log" in heard.message) log.push(heard.message.log)
    else {
      const { body, id } = heard.message
      if (body.type === "SetXCom") values.push(body.value)
      if (ends.includes(body.type)) end = body.type
      yield* channel.send({ id, body: null, error: null })
    }
  }
})

/** A job's folder for what its task writes. */
export const scratchOf = (folder: string, name: string) => {
  const scratch = join(folder, "scratch", name)
  mkdirSync(scratch, { recursive: true })
  return scratch
}

/** Opens a channel and gives the details. */
export const begin = Effect.fnUntraced(function* (task: string, scratch: string) {
  const tasks = yield* Tasks
  const claim = { id: `job-${task}`, job: testJob(task), claimedAt: 0, expires: null }
  const channel = yield* tasks.open({ claim, folder: scratch, logFile: join(scratch, "log") })
  yield* channel.send({ details: detailsOf(task, { scratch }) })
  return channel
})
