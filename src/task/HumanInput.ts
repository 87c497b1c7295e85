/** HumanInput: a question to a person, which the site shows and the task waits for without a slot. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Asking, tellWith } from "./ask.ts"
import { AwaitInput } from "./endings.ts"
import { read, toJson } from "./jsonValue.ts"
import * as PythonValue from "./PythonValue.ts"
import { type RequestError, UnexpectedValue } from "./TaskRequestFailed.ts"

/** What a person is asked. */
export interface Question {
  readonly subject: string
  /** What there is to choose from. */
  readonly options: ReadonlyArray<string>
  /** Markdown. */
  readonly body?: string
  /** What is chosen where nobody answers in time. */
  readonly defaults?: ReadonlyArray<string>
  /** Whether more than one may be chosen. */
  readonly multiple?: boolean
  /** A form beside it: names and defaults. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Who may answer; anyone who may edit the run where nobody is named. */
  readonly assignedUsers?: ReadonlyArray<{ readonly id: string; readonly name: string }>
}

/** What the site would find out only when the defaults are taken (`HITLOperator.validate_defaults` says it when the Dag is read). */
const wrongDefaults = ({ defaults = [], multiple = false, options }: Question): string | undefined => {
  const unknown = defaults.filter((each) => !options.includes(each))
  if (unknown.length > 0) return `its defaults have what is no option: ${unknown.join(", ")}`
  return !multiple && defaults.length > 1 ? "it has more than one default but takes one option" : undefined
}

const checked = (question: Question): Effect.Effect<Question, UnexpectedValue> => {
  const problem = wrongDefaults(question)
  return problem === undefined
    ? Effect.succeed(question)
    : new UnexpectedValue({ what: `the question "${question.subject}"`, problem })
}

/** Shows the question. */
export const ask = (question: Question): Effect.Effect<void, RequestError, Asking> =>
  Effect.flatMap(Effect.andThen(checked(question), toJson("the params", question.params ?? {})), (params) =>
    tellWith(({ ti }) => ({
      type: "CreateHITLDetailPayload",
      ti_id: ti.id,
      options: question.options,
      subject: question.subject,
      body: question.body ?? null,
      defaults: question.defaults ?? null,
      multiple: question.multiple ?? false,
      params,
      assigned_users: question.assignedUsers ?? []
    }))
  )

/** How the task goes on once it is answered. */
export interface ThenGoOn {
  /** A key of the task's `resume`; `answerOf` reads what that one is given. */
  readonly nextMethod: string
  readonly nextKwargs?: Readonly<Record<string, unknown>>
  /** After it the defaults are the answer; without defaults the task fails. */
  readonly timeout?: Duration.Input
}

/** Shows the question and ends this part of the task: it goes on in `resume` when the answer is there. */
export const askAndWait = (
  question: Question,
  then: ThenGoOn
): Effect.Effect<never, RequestError | AwaitInput, Asking> =>
  Effect.andThen(ask(question), new AwaitInput(then))

/** Nobody answered in time, and there were no defaults; or the answer could not be taken. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: string
  readonly timedOut: boolean
}> {
  override get message() {
    return this.reason
  }
}

/** The payload of the event (`HITLDetail.as_resume_event_payload` of `models/hitl.py`, 3.3.2). */
const Event = Schema.Struct({
  chosen_options: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  params_input: Schema.optional(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
  responded_by_user: Schema.optional(
    Schema.NullOr(Schema.Struct({ id: Schema.String, name: Schema.String }))
  ),
  responded_at: Schema.optional(Schema.Unknown),
  timedout: Schema.optional(Schema.NullOr(Schema.Boolean)),
  error: Schema.optional(Schema.Unknown),
  error_type: Schema.optional(Schema.NullOr(Schema.String))
})

/** What a person answered. */
export interface Answer {
  readonly chosen: ReadonlyArray<string>
  readonly params: Readonly<Record<string, unknown>>
  /** Undefined where the defaults were taken. */
  readonly by: { readonly id: string; readonly name: string } | undefined
  /** When; undefined where the site did not say it in a form that is known. */
  readonly at: Date | undefined
  readonly timedOut: boolean
}

const asDate = Schema.decodeUnknownOption(PythonValue.DateTime)

/** Reads the answer in the `kwargs` that `resume` is given. */
export const answerOf = (
  kwargs: Readonly<Record<string, unknown>>
): Effect.Effect<Answer, NoAnswer | UnexpectedValue> =>
  Effect.gen(function* () {
    const event = yield* read("the answer", Event, kwargs["event"])
    if (event.error !== undefined && event.error !== null)
      return yield* new NoAnswer({
        reason: typeof event.error === "string" ? event.error : JSON.stringify(event.error),
        timedOut: event.error_type === "timeout"
      })
    return {
      chosen: event.chosen_options ?? [],
      params: event.params_input ?? {},
      by: event.responded_by_user ?? undefined,
      at: Option.getOrUndefined(asDate(event.responded_at)),
      timedOut: event.timedout ?? false
    }
  })
