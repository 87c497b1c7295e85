/** The mutation tool: changes src/worker/ in one place at a time and looks whether a test of test/worker/ or a simulated history notices. */

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: ["src/worker/**/*.ts"],
  // Texts: what the wire and the journal say is typed, so that a changed one does not compile; the rest is for people.
  mutator: { excludedMutations: ["StringLiteral"] },
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "vitest.mutate.config.ts", related: false },
  coverageAnalysis: "perTest",
  // A test's own limit is thirty seconds; this is for a loop without a wait.
  timeoutMS: 10_000,
  timeoutFactor: 1.5,
  concurrency: 2,
  // Stryker would rewrite it with TypeScript's JavaScript API, which TypeScript 7 does not have; nothing in it points outside.
  tsconfigFile: "no-tsconfig-to-rewrite.json",
  ignorePatterns: ["dist", "out", "reports", "bench", "docs", "test/airflow"],
  tempDirName: "node_modules/.stryker",
  reporters: ["clear-text", "json"],
  clearTextReporter: { logTests: false, reportTests: false, reportScoreTable: false, allowColor: false },
  jsonReporter: { fileName: "node_modules/.stryker-report.json" }
}
