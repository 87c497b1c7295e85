/** Our container: its stop, the end of its process 1, and what the next start makes of it. */
import { assert, describe, inject, type TestContext, test } from "vitest"
import { Container } from "./Container.ts"
import { settled } from "./settled.ts"
import { Site } from "./site.ts"

/** A container whose worker is up. */
const start = async ({ onTestFinished }: TestContext) => {
  const site = new Site()
  onTestFinished(() => site.close())
  await site.open()
  const container = new Container(site, inject("runtime"))
  await container.create()
  onTestFinished(() => container.close())
  await container.podman("start", "worker")
  await site.reaches("idle")
  return { container, site }
}

describe("our container", () => {
  test("stop: its worker drains, the job finishes", async (context) => {
    const { container, site } = await start(context)
    const job = await site.running("one")
    const stopped = container.podman("stop", "--time", "600", "worker")
    await site.reaches("terminating")
    job.tell("say while it drains")
    await job.says("while it drains")
    job.tell("end 0")
    await stopped
    assert.strictEqual(await container.exitCode(), 0)
    assert.strictEqual(await job.state(), "success")
    assert.strictEqual(await site.worker(), "offline")
    assert.deepStrictEqual([job.runs], [1])
    await site.cleared()
  })

  const ends = {
    "kill -9 of its process 1": (container: Container) =>
      container.podman("kill", "--signal", "KILL", "worker"),
    "kill -9 of its worker": (container: Container) =>
      container.podman("exec", "worker", "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)"),
    "a stop that is too short": (container: Container) => container.podman("stop", "--time", "1", "worker")
  }

  test.for(Object.entries(ends))(
    "%s: every process ends with it; the next start settles",
    async ([how, end], context) => {
      const { container, site } = await start(context)
      const jobs = [await site.running("one"), await site.running("wedged")]
      assert.isAbove((await container.processes()).length, 7)
      await end(container)
      await container.podman("wait", "worker")
      assert.strictEqual(await container.exitCode(), 137)
      for (const job of jobs) assert.strictEqual(await job.state(), "running")
      await container.podman("start", "worker")
      await settled(`container, ${how}`, jobs, Date.now, () => container.startedAt())
      for (const job of jobs) await job.says("its process was killed, or the machine was restarted")
      await site.reaches("idle")
      assert.deepStrictEqual([jobs.map((job) => job.runs)], [[1, 1]])
      await site.cleared()
    }
  )
})
