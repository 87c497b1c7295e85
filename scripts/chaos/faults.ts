/** faults: what goes wrong: the worker is killed and stopped, the network cut, slowed and frozen, the site restarted. */
import { setTimeout as delay } from "node:timers/promises"
import { eventually } from "../airflow/eventually.ts"
import type { Gateway } from "../airflow/gateway.ts"
import { signalProcess } from "../airflow/processes.ts"
import { restartPart, type Site } from "../airflow/site.ts"
import type { Random } from "./random.ts"
import type { Victim } from "./victim.ts"

/** One fault that has happened; times are epoch milliseconds. */
export interface Fault {
  readonly kind: string
  readonly from: number
  readonly to: number
}

export interface Target {
  readonly site: Site
  readonly gateway: Gateway
  readonly victim: Victim
  readonly random: Random
  readonly say: (line: string) => void
}

/** How a fault of the network or the site begins; it gives what ends it. */
type Begin = (
  target: Target
) => (() => Promise<unknown> | unknown) | Promise<() => Promise<unknown> | unknown>

const siteAnswers = (site: Site) =>
  eventually(
    "the site answers again",
    () => fetch(`${site.url}/api/v2/version`),
    (answer) => answer.ok,
    { seconds: 120 }
  )

/** Kind, weight, least and most seconds that it lasts. */
const networkFaults: ReadonlyArray<readonly [string, number, number, number, Begin]> = [
  [
    "reset",
    3,
    0.2,
    8,
    async ({ gateway }) => {
      await gateway.leave()
      return gateway.comeBack
    }
  ],
  [
    "hang",
    3,
    0.5,
    12,
    ({ gateway }) => {
      gateway.freeze()
      return gateway.thaw
    }
  ],
  [
    "slow",
    2,
    2,
    10,
    ({ gateway, random }) => {
      gateway.slowDown("", random.between(200, 2500))
      return () => gateway.slowDown("", 0)
    }
  ],
  [
    "lost answers",
    3,
    0.5,
    4,
    ({ gateway, random }) => {
      gateway.loseAnswers(0.6, random.next)
      return () => gateway.loseAnswers(0)
    }
  ],
  [
    "site restart",
    1,
    0,
    0,
    ({ site }) => {
      restartPart(site, "api-server", { tied: true })
      return () => siteAnswers(site)
    }
  ]
]

const stopAndContinue = async (pids: ReadonlyArray<number>, millis: number) => {
  for (const pid of pids) signalProcess(pid, "SIGSTOP")
  await delay(millis)
  for (const pid of pids) signalProcess(pid, "SIGCONT")
}

/** Both kinds of fault at once, each from its own part of the seed, until the time is over; then all is whole again. */
export const cause = async (target: Target, until: number): Promise<ReadonlyArray<Fault>> => {
  const { random, say, victim } = target
  const faults: Array<Fault> = []
  const keep = (kind: string, from: number, to = Date.now()) => {
    faults.push({ kind, from, to })
    say(`${kind}, ${((to - from) / 1000).toFixed(1)} s`)
  }
  const drawn = networkFaults.flatMap((fault) => Array.from({ length: fault[1] }, () => fault))
  // Each kind once before they come by chance, or a short run could miss one.
  const first = networkFaults.toSorted(() => random.next() - 0.5)
  const network = async () => {
    while (Date.now() < until) {
      await delay(random.between(1000, 7000))
      const [kind, , least, most, begin] = first.pop() ?? random.pick(drawn)
      const from = Date.now()
      const end = await begin(target)
      await delay(random.between(least, most) * 1000)
      await end()
      keep(kind, from)
    }
  }
  const processes = async () => {
    while (Date.now() < until) {
      await delay(random.between(500, 9000))
      const chance = random.next()
      const from = Date.now()
      if (chance < 0.2) {
        victim.signal("SIGSTOP")
        await delay(random.between(200, 12_000))
        victim.signal("SIGCONT")
        keep("worker stopped", from)
      } else if (chance < 0.35) {
        await stopAndContinue(victim.hosts(), random.between(200, 5000))
        keep("host stopped", from)
      } else {
        const at = await victim.kill()
        keep("kill", at, at)
        if (chance > 0.85) {
          // Again while it starts or adopts.
          await delay(random.between(50, 1500))
          const again = await victim.kill()
          keep("kill", again, again)
        }
      }
    }
  }
  await Promise.all([network(), processes()])
  return faults
}
