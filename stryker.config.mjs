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
  // A test's own limit is thirty seconds; this is for a loop without a wait, and long enough for a busy machine.
  timeoutMS: 30_000,
  timeoutFactor: 3,
  dryRunTimeoutMinutes: 60,
  concurrency: 1,
  // Stryker would rewrite it with TypeScript's JavaScript API, which TypeScript 7 does not have; nothing in it points outside.
  tsconfigFile: "no-tsconfig-to-rewrite.json",
  ignorePatterns: ["dist", "out", "reports", "bench", "docs", "test/airflow"],
  tempDirName: "node_modules/.stryker",
  // What runs only when a file is loaded would need every test for each change, and is mostly figures.
  ignoreStatic: true,
  reporters: ["event-recorder"],
  eventReporter: { baseDir: "node_modules/.stryker-events" }
}
