/** askingTasks: the bodies of the tasks in the Dag `native_asks`, which wait for a person. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HumanInput from "../../../src/task/HumanInput.ts"
import * as Task from "../../../src/task/Task.ts"
import * as ThisTask from "../../../src/task/ThisTask.ts"
import * as XCom from "../../../src/task/XCom.ts"

const dagId = "native_asks"

const approves = Task.make({
  dagId,
  taskId: "approves",
  run: () =>
    HumanInput.askAndWait(
      {
        subject: "Send the bread?",
        body: "It is **done**.",
        options: ["send", "stop"],
        params: { street: "Mill Lane", loaves: 2 }
      },
      { nextMethod: "answered", nextKwargs: { basket: "willow" }, timeout: "10 minutes" }
    ),
  resume: {
    answered: (kwargs) =>
      Effect.gen(function* () {
        const { at, by, chosen, params, timedOut } = yield* HumanInput.answerOf(kwargs)
        yield* Effect.logInfo(`${by?.name} chose ${chosen.join(", ")}`)
        yield* ThisTask.skipDownstream(chosen[0] === "send" ? ["stopped"] : ["sent"])
        return {
          ...{ chosen, params, timedOut, by: by?.name ?? null, basket: kwargs["basket"] },
          at: at?.toISOString() ?? null
        }
      })
  }
})

/** What it was answered goes to the task after it. */
const sent = Task.make({
  dagId,
  taskId: "sent",
  run: () =>
    Effect.map(
      XCom.get(
        { taskId: "approves" },
        Schema.Struct({ params: Schema.Struct({ street: Schema.String, loaves: Schema.Int }) })
      ),
      ({ params }) => `${params.loaves} to ${params.street}`
    )
})

const stopped = Task.make({ dagId, taskId: "stopped", run: () => Effect.succeed("not reached") })

const byDefault = Task.fromAsync<unknown>({
  dagId,
  taskId: "by_default",
  run: ({ humanInput }) =>
    humanInput.askAndWait(
      {
        ...{ subject: "Which toppings?", options: ["salt", "seeds", "none"], multiple: true },
        ...{ defaults: ["salt", "seeds"], params: { grams: 5 } }
      },
      { nextMethod: "goesOn", timeout: "1 second" }
    ),
  resume: {
    goesOn: async ({ humanInput }, kwargs) => {
      const { by, chosen, params, timedOut } = await humanInput.answerOf(kwargs)
      return { chosen, params, timedOut, by: by ?? null }
    }
  }
})

const unanswered = Task.make({
  dagId,
  taskId: "unanswered",
  run: () =>
    HumanInput.askAndWait(
      { subject: "Is anybody there?", options: ["yes"] },
      { nextMethod: "goesOn", timeout: "1 second" }
    ),
  resume: { goesOn: (kwargs) => Effect.asVoid(HumanInput.answerOf(kwargs)) }
})

export const askingTasks = [approves, sent, stopped, byDefault, unanswered]
