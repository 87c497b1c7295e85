/** ConfigSources: what the configuration is read from: environment, files, commands, and the local Airflow's secrets. */
import { spawn } from "node:child_process"
import { constants } from "node:fs"
import { access, readFile, stat } from "node:fs/promises"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { homeFolder } from "./homeFolder.ts"
import { pythonCandidates } from "./pythonCandidates.ts"
import { splitCommand } from "./splitCommand.ts"

/** A file, command or secret could not be read. `problem` is one clause and never holds what was read. */
export class SourceFailed extends Schema.TaggedError<SourceFailed>()("SourceFailed", {
  problem: Schema.String
}) {
  override get message() {
    return this.problem
  }
}

/** The outside world as the configuration sees it. */
export class ConfigSources extends Context.Service<
  ConfigSources,
  {
    readonly env: Readonly<Record<string, string | undefined>>
    /** A user's home folder, our own without a name. */
    readonly homeFolder: (user?: string) => string | undefined
    /** The text of a UTF-8 file; `undefined` where there is none. */
    readonly readFile: (path: string) => Effect.Effect<string | undefined, SourceFailed>
    /** Fails where the path is not a file that we may read. */
    readonly checkReadable: (path: string) => Effect.Effect<void, SourceFailed>
    /**
     * The stdout of a command line, with its line end: split as Python's `shlex` does, run without a shell
     * (`run_command` in Airflow 3.3.2's `airflow/_shared/configuration/parser.py`).
     */
    readonly runCommand: (commandLine: string) => Effect.Effect<string, SourceFailed>
    /**
     * What the local Airflow's `[secrets] backend` holds under a name; `undefined` where it has no such value, or
     * where the local Airflow has no backend.
     * `python`: the interpreter that the configuration names, if it does.
     */
    readonly resolveSecret: (name: string, python?: string) => Effect.Effect<string | undefined, SourceFailed>
  }
>()("edge-worker/platform/ConfigSources") {
  /** This machine. */
  static readonly layer = Layer.sync(ConfigSources, () => {
    const env = process.env
    return {
      env,
      homeFolder,
      readFile: readText,
      checkReadable,
      runCommand: (commandLine) =>
        Effect.suspend(() => {
          const words = splitCommand(commandLine)
          if (typeof words === "string") return Effect.fail(new SourceFailed({ problem: words }))
          return Effect.flatMap(run(words, env), ({ code, signal, stderr, stdout }) =>
            code === 0
              ? Effect.succeed(withoutInvalidBytes(stdout))
              : Effect.fail(new SourceFailed({ problem: ended(words[0] ?? "", code, signal, stderr) }))
          )
        }),
      resolveSecret: (name, python) => resolveSecret(name, python, env)
    }
  })

  /** Given texts for tests and embedding: no file, command or process of this machine is touched. */
  static readonly layerMemory = (options: {
    readonly env?: Readonly<Record<string, string>>
    readonly files?: Readonly<Record<string, string>>
    /** Command line -> stdout. */
    readonly commands?: Readonly<Record<string, string>>
    readonly secrets?: Readonly<Record<string, string>>
    readonly homeFolder?: (user?: string) => string | undefined
  }) =>
    Layer.succeed(ConfigSources, {
      env: options.env ?? {},
      homeFolder: options.homeFolder ?? ((user) => (user === undefined ? "/home/me" : undefined)),
      readFile: (path) => Effect.succeed(options.files?.[path]),
      checkReadable: (path) =>
        options.files?.[path] === undefined
          ? Effect.fail(new SourceFailed({ problem: "there is no such file" }))
          : Effect.void,
      runCommand: (commandLine) => {
        const output = options.commands?.[commandLine]
        return output === undefined
          ? Effect.fail(new SourceFailed({ problem: "the command could not be started (ENOENT)" }))
          : Effect.succeed(output)
      },
      resolveSecret: (name) =>
        options.secrets === undefined
          ? Effect.fail(new SourceFailed({ problem: noAirflow("nowhere") }))
          : Effect.succeed(options.secrets[name])
    })
}

const codeOf = (cause: unknown) =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

const readText = (file: string) =>
  Effect.tryPromise({ try: () => readFile(file), catch: codeOf }).pipe(
    Effect.flatMap((bytes) =>
      Effect.try({
        // Python keeps a byte order mark as a character, and so does this: the parser then names line 1.
        try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
        catch: () => "it is not UTF-8"
      })
    ),
    Effect.catch((reason) =>
      reason === "ENOENT" || reason === "ENOTDIR"
        ? Effect.succeed(undefined)
        : Effect.fail(new SourceFailed({ problem: `the file cannot be read (${reason})` }))
    )
  )

const checkReadable = (file: string) =>
  Effect.tryPromise({
    try: async () => {
      if (!(await stat(file)).isFile()) throw Object.assign(new Error(), { code: "it is not a file" })
      await access(file, constants.R_OK)
    },
    catch: (cause) => {
      const code = codeOf(cause)
      return new SourceFailed({
        problem: code === "ENOENT" ? "there is no such file" : `the file cannot be read (${code})`
      })
    }
  })

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a program to its end; it is killed when the fiber is interrupted. */
const run = (words: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  Effect.callback<Ended, SourceFailed>((resume) => {
    const child = spawn(words[0] ?? "", words.slice(1), { env, stdio: ["inherit", "pipe", "pipe"] })
    const stdout: Array<Buffer> = []
    const stderr: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
    child.once("error", (cause) =>
      resume(
        Effect.fail(new SourceFailed({ problem: `the command could not be started (${codeOf(cause)})` }))
      )
    )
    child.once("close", (code, signal) =>
      resume(
        Effect.succeed({
          code,
          signal,
          stdout: Buffer.concat(stdout),
          stderr: Buffer.concat(stderr).toString("utf8").trim().slice(-500)
        })
      )
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Python decodes a command's output with `errors="ignore"`. */
const withoutInvalidBytes = (bytes: Buffer) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\ufffd", "")

/** The arguments and stdout are left out: either may hold a secret. */
const ended = (program: string, code: number | null, signal: string | null, stderr: string) =>
  `the command ${program} ${signal === null ? `exited with code ${code}` : `was killed by ${signal}`}${
    stderr === "" ? "" : `, its stderr: ${stderr}`
  }`

const noAirflow = (places: string) =>
  `only a local Airflow can ask its secrets backend, and none was found (looked at ${places}): ` +
  "give the value itself or a …_CMD instead, or name the Python with [edge_worker] python"

/** Asks as Airflow itself does; stdout of the import is kept apart from the answer, which is the last line. */
const askBackend = `import json, sys
from airflow.configuration import get_custom_secret_backend
backend = get_custom_secret_backend()
print("\\n" + json.dumps(None if backend is None else [backend.get_config(sys.argv[1])]))`

const resolveSecret = Effect.fnUntraced(function* (
  name: string,
  python: string | undefined,
  env: NodeJS.ProcessEnv
) {
  const candidates = yield* Effect.promise(() => pythonCandidates(python, env))
  const found = candidates.find((candidate) => candidate.exists)
  if (found === undefined) {
    const places = candidates.map(({ from }) => from).join(", ")
    return yield* new SourceFailed({ problem: noAirflow(places) })
  }
  const { code, signal, stderr, stdout } = yield* run([found.python, "-c", askBackend, name], env)
  const problem = (what: string) =>
    new SourceFailed({ problem: `the local Airflow of ${found.python} ${what}${stderr && `: ${stderr}`}` })
  if (code !== 0)
    return yield* problem(signal === null ? `exited with code ${code}` : `was killed by ${signal}`)
  const line = stdout.toString("utf8").trimEnd().split("\n").at(-1) ?? ""
  const answer = yield* Schema.decodeEffect(Answer)(line).pipe(
    Effect.mapError(() => problem("gave no answer"))
  )
  return answer?.[0] ?? undefined
})

const Answer = Schema.fromJsonString(Schema.NullOr(Schema.Tuple([Schema.NullOr(Schema.String)])))
