/** FreeDisk: how many bytes may still be written below a folder. */
import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Asks file systems for their free space. */
export class FreeDisk extends Context.Service<
  FreeDisk,
  {
    /** Bytes that this user may write; undefined where the system does not tell. The folder need not exist yet. */
    readonly below: (folder: string) => Effect.Effect<number | undefined>
  }
>()("edge-worker/platform/FreeDisk") {
  static readonly layer: Layer.Layer<FreeDisk> = Layer.succeed(
    FreeDisk,
    FreeDisk.of({ below: (folder) => Effect.promise(() => below(folder)) })
  )
}

const below = (folder: string): Promise<number | undefined> =>
  statfs(folder, { bigint: true }).then(
    // Some file systems (of FUSE, say) know no sizes and answer zero for all.
    ({ bavail, blocks, bsize }) => (blocks === 0n ? undefined : Number(bavail * bsize)),
    (cause: NodeJS.ErrnoException) =>
      cause.code === "ENOENT" && dirname(folder) !== folder ? below(dirname(folder)) : undefined
  )
