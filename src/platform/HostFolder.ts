/** HostFolder: where the Python hosts of this worker live: `python-host/` in the state folder, a folder a host. */
import { createHash, randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as PrivateFolder from "./PrivateFolder.ts"
import { StateFolder } from "./StateFolder.ts"

/** The folder of one host, and what it was started with. */
export interface HostPlace {
  readonly folder: string
  readonly fingerprint: string
}

/** A host's folder cannot be made. */
export class HostFolderRefused extends Schema.TaggedError<HostFolderRefused>()("HostFolderRefused", {
  reason: Schema.String
}) {
  override get message() {
    return `its folder cannot be made: ${this.reason}`
  }
}

/** Makes, lists and removes the folders of hosts. Whoever may enter one may use the host. */
export class HostFolder extends Context.Service<
  HostFolder,
  {
    /** The host's program as a file of its own: an upgrade of this package does not change it under a host. */
    readonly program: (text: string) => Effect.Effect<string>
    /** A new folder, mode 0700. */
    readonly create: (fingerprint: string) => Effect.Effect<HostPlace, HostFolderRefused>
    readonly list: Effect.Effect<ReadonlyArray<HostPlace>>
    readonly remove: (folder: string) => Effect.Effect<void>
    /** SHA-256 in hexadecimal digits: a fingerprint that may be written down. */
    readonly digest: (text: string) => string
  }
>()("edge-worker/platform/HostFolder") {
  static readonly layer: Layer.Layer<HostFolder, PrivateFolder.FolderUnusable, StateFolder> = Layer.effect(
    HostFolder,
    Effect.gen(function* () {
      const base = join((yield* StateFolder).path, "python-host")
      yield* PrivateFolder.ensure(base)
      return HostFolder.of({
        program: (text) =>
          Effect.sync(() => {
            const file = join(base, `host-${digest(text).slice(0, 16)}.py`)
            if (!existsSync(file)) {
              writeFileSync(`${file}.new`, text, { mode: 0o600 })
              renameSync(`${file}.new`, file)
            }
            return file
          }),
        create: (fingerprint) =>
          Effect.try({
            try: () => {
              const folder = join(base, randomUUID().slice(0, 8))
              mkdirSync(folder, { mode: 0o700 })
              writeFileSync(join(folder, "fingerprint"), fingerprint, { mode: 0o600 })
              return { folder, fingerprint }
            },
            catch: (cause) =>
              new HostFolderRefused({ reason: cause instanceof Error ? cause.message : String(cause) })
          }),
        list: Effect.sync(() =>
          readdirSync(base, { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .map(({ name }) => ({ folder: join(base, name), fingerprint: fingerprintIn(join(base, name)) }))
        ),
        remove: (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
        digest
      })
    })
  )
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex")

const fingerprintIn = (folder: string): string => {
  try {
    return readFileSync(join(folder, "fingerprint"), "utf8")
  } catch {
    return ""
  }
}
