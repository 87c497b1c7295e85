/** FreeDisk: agrees with the system, also for folders that do not exist yet. */
import { statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FreeDisk } from "../../src/platform/FreeDisk.ts"

const below = (folder: string) =>
  Effect.flatMap(FreeDisk, (disk) => disk.below(folder)).pipe(Effect.provide(FreeDisk.layer))

it.live("tells the bytes that this user may write", () =>
  Effect.gen(function* () {
    const { bavail, bsize } = statfsSync(tmpdir())
    for (const folder of [tmpdir(), join(tmpdir(), "not", "there", "yet")]) {
      // Others write meanwhile.
      assert.approximately((yield* below(folder)) ?? Number.NaN, bavail * bsize, 2 ** 30)
    }
  })
)

it.live("does not guess where the system tells no sizes", () =>
  Effect.gen(function* () {
    assert.isUndefined(yield* below("/proc"))
  })
)
