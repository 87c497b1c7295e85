/** Our worker on our own central: the contract that it keeps on a real Airflow too. */
import * as Effect from "effect/Effect"
import { Jobs } from "../../src/central/Jobs.ts"
import { clientOf } from "../management/site.ts"
import { suite } from "../suites/site.ts"
import { adminToken, liveCentral, tokenOf } from "./liveCentral.ts"

const central = liveCentral()
const conf = { n: [1.5, "x"], text: "ü日本\u0000" }
let count = 0

suite("our worker on our own central", () => {
  const queue = `queue ${count}`
  return {
    apiUrl: new URL("edge_worker/v1/rpcapi", central.url()),
    secret: central.secret,
    management: clientOf(central.url(), tokenOf(adminToken)),
    asWorker: central.asWorker,
    dag: "site",
    queue,
    conf,
    submit: Effect.promise(() =>
      central.runtime.runPromise(
        Jobs.use((jobs) =>
          jobs.submit({ dag_id: "site", task_id: `t${count++}`, run_id: `r${count}`, queue, conf }, "ada")
        )
      )
    ).pipe(Effect.map(({ key }) => key)),
    log: (key) =>
      Effect.promise(() =>
        central.runtime.runPromise(
          Jobs.use((jobs) => jobs.readLog(key, 0)).pipe(Effect.map(({ text }) => text))
        )
      )
  }
})
