/** The repository without a database and on SQLite. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RepositoryMemory } from "../../src/central/RepositoryMemory.ts"
import { SqlRepository } from "../../src/central/SqlRepository.ts"
import { Sqlite } from "../../src/platform/Sqlite.ts"
import { suite } from "../suites/repository.ts"
import { interleavings } from "../suites/repositoryInterleavings.ts"

const onFile = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "edge-worker-test-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => SqlRepository.layer.pipe(Layer.provide(Sqlite.layer(join(folder, "central.db"))))
  )
)

for (const [name, layer] of [
  ["memory", RepositoryMemory.layer],
  ["SQLite in memory", SqlRepository.layer.pipe(Layer.provide(Sqlite.layer(":memory:")))],
  ["SQLite", onFile]
] as const) {
  suite(name, layer)
  interleavings(name, layer, 100)
}
