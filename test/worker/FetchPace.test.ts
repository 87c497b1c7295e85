/** How often a worker without work asks: seven times as often as the setting says at first, less than that when idle. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { interval } from "../../src/worker/FetchPace.ts"

const millis = (idleSeconds: number, random: number) =>
  Duration.toMillis(interval(Duration.seconds(5), Duration.seconds(idleSeconds), random))

describe("FetchPace", () => {
  it.each([
    [0, 600, 900],
    [29.9, 600, 900],
    [30, 3_200, 4_800],
    [89.9, 3_200, 4_800],
    [90, 5_000, 6_000],
    [86_400, 5_000, 6_000]
  ])("after %d idle seconds from %d to %d ms", (idle, least, most) => {
    assert.closeTo(millis(idle, 0), least, 1e-6)
    assert.closeTo(millis(idle, 1), most, 1e-6)
    assert.closeTo(millis(idle, 0.5), (least + most) / 2, 1e-6)
  })
})
