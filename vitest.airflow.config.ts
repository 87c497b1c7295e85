/** The suite that needs a real Airflow: it starts one, or uses that of EDGE_WORKER_TEST_SITE_FOLDER. */

import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** One file after the other, by name; `recorded` last, as it decodes what the others have seen. */
class ByName extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const key = (file: TestSpecification) =>
      file.moduleId.endsWith("recorded.test.ts") ? "~" : file.moduleId
    return files.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  }
}

export default defineConfig({
  test: {
    include: ["test/airflow/**/*.test.ts"],
    globalSetup: ["test/airflow/globalSetup.ts"],
    reporters: ["default", "./scripts/closingLine.ts"],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
})
