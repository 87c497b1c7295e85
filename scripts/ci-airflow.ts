/** ci-airflow: what `.ci/run` does with a real Airflow: the suite, and the short chaos. */
import { runSteps } from "./steps.ts"

await runSteps([
  {
    name: "against a real Airflow",
    command: ["vitest", "run", "--config", "vitest.airflow.config.ts"],
    vitest: true
  },
  {
    name: "kills and outages, the short form",
    command: ["node", "scripts/chaos.ts", "--quick", "--seed", "4"]
  }
])
