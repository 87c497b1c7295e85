/** taskProgram: a program of one task, with the backends that its test names in the environment. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  LogUpload,
  SecretsBackends,
  TaskProgram,
  XComBackend,
  XComBackendFailed
} from "../../src/cli/TaskProgram.ts"
import * as Task from "../../src/task/Task.ts"

const { TEST_BACKENDS } = process.env

const say = (what: string) => Effect.sync(() => void process.stderr.write(`made: ${what}\n`))

const secrets = Layer.effect(
  SecretsBackends,
  Effect.as(say("secrets"), {
    connection: () => Effect.succeedNone,
    variable: () => Effect.succeedNone
  })
)
const xcoms = Layer.effect(
  XComBackend,
  Effect.as(say("xcoms"), {
    serialize: (value) => Effect.succeed(value),
    deserialize: (stored) => Effect.succeed(stored),
    purge: () => Effect.void
  })
)
const logUpload = Layer.effect(LogUpload, Effect.as(say("logUpload"), { upload: () => Effect.void }))
const broken = Layer.effect(XComBackend, Effect.fail(new XComBackendFailed({ reason: "the bucket is gone" })))

TaskProgram.run({
  tasks: [Task.make({ dagId: "dag", taskId: "ok", run: () => Effect.void })],
  backends:
    TEST_BACKENDS === "all"
      ? { secrets, xcoms, logUpload }
      : TEST_BACKENDS === "broken"
        ? { xcoms: broken }
        : undefined
})
