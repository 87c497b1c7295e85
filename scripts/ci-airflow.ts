/** ci-airflow: what `.ci/run` does with a real Airflow: the suite, and each benchmark once. */
import { runSteps } from "./steps.ts"

await runSteps([
  {
    name: "against a real Airflow",
    command: ["vitest", "run", "--config", "vitest.airflow.config.ts"],
    vitest: true
  }
])
