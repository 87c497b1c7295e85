import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { AirflowConfig } from "../../src/config/AirflowConfig.ts"
import { EdgeConfig } from "../../src/config/EdgeConfig.ts"
import { allSettings } from "../../src/config/settings.ts"
import { ConfigSources } from "../../src/platform/ConfigSources.ts"

interface Given {
  readonly file?: string
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly commands?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
}
type Options = Parameters<typeof EdgeConfig.layer>[0]

const enough = {
  AIRFLOW_HOME: "/af",
  AIRFLOW__EDGE__API_URL: "https://site.test/edge_worker/v1/rpcapi",
  AIRFLOW__API_AUTH__JWT_SECRET: "hunter2"
}
const read = ({ env = {}, file, files = {}, ...more }: Given, options?: Options) =>
  EdgeConfig.use(Effect.succeed).pipe(
    Effect.provide(
      EdgeConfig.layer(options).pipe(
        Layer.provide(AirflowConfig.layer(allSettings)),
        Layer.provide(
          ConfigSources.layerMemory({
            env: { AIRFLOW_HOME: "/af", ...env },
            files: { ...files, ...(file === undefined ? {} : { "/af/airflow.cfg": file }) },
            ...more
          })
        )
      )
    )
  )
const readEnough = ({ env, ...more }: Given = {}, options?: Options) =>
  read({ env: { ...enough, ...env }, ...more }, options)
/** The mistakes without the heading. */
const mistakes = (given: Given, options?: Options) =>
  Effect.map(Effect.flip(readEnough(given, options)), ({ message }) =>
    message
      .split("\n")
      .slice(1)
      .map((line) => line.replace(/^ {2}- /, ""))
  )

describe("EdgeConfig.layer", () => {
  it.effect("two settings are enough", () =>
    Effect.gen(function* () {
      const settings = yield* readEnough()
      assert.strictEqual(settings.executionApiUrl, "https://site.test/execution")
      assert.strictEqual(Redacted.value(settings.jwtSecret), "hunter2")
      assert.deepStrictEqual(settings.heartbeatInterval, Duration.seconds(30))
      assert.isUndefined(settings.drainTimeout)
      assert.strictEqual(settings.baseLogFolder, "/af/logs")
      assert.strictEqual(settings.logFolderPermissions, 0o775)
      assert.deepStrictEqual(settings.pythonHostIdle, Duration.seconds(90))
      assert.deepStrictEqual(settings.warnings, [])
      assert.notInclude(JSON.stringify(settings), "hunter2")
    })
  )

  it.effect("tells what the operator has set of how long Airflow's processes bear an outage", () =>
    Effect.gen(function* () {
      const none = yield* readEnough()
      assert.deepStrictEqual([none.executionApiPatience, none.outageTolerance], [{}, undefined])
      const some = yield* readEnough({
        file: "[workers]\nmax_failed_heartbeats = 7\nexecution_api_retry_wait_max = 45\n",
        env: { AIRFLOW__WORKERS__EXECUTION_API_RETRIES: "9", AIRFLOW__EDGE_WORKER__OUTAGE_TOLERANCE: "0" }
      })
      assert.deepStrictEqual(some.executionApiPatience, {
        execution_api_retries: "9",
        execution_api_retry_wait_max: "45",
        max_failed_heartbeats: "7"
      })
      assert.deepStrictEqual(some.outageTolerance, Duration.zero)
      const wrong = yield* mistakes({ env: { AIRFLOW__EDGE_WORKER__OUTAGE_TOLERANCE: "-1" } })
      assert.match(wrong[0] ?? "", /outage_tolerance.*it must be a whole number of seconds, or auto$/)
      const unreadable = yield* mistakes({ env: { AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS: "few" } })
      assert.match(unreadable[0] ?? "", /max_failed_heartbeats.*it must be a whole number, at least 1$/)
    })
  )

  it.effect("reads what bounds the disk: times and sizes in words", () =>
    Effect.gen(function* () {
      const given = (env: Readonly<Record<string, string>>) =>
        readEnough({
          env: Object.fromEntries(
            Object.entries(env).map(([key, value]) => [`AIRFLOW__EDGE_WORKER__${key}`, value])
          )
        })
      const none = yield* given({})
      assert.deepStrictEqual(none.logRetention, Duration.days(7))
      assert.deepStrictEqual(
        [none.logDiskBudget, none.minFreeDisk, none.coreDumps],
        [undefined, 104_857_600, false]
      )
      for (const [text, retention] of [
        ["0", Duration.zero],
        ["90", Duration.seconds(90)],
        ["2 min", Duration.minutes(2)],
        ["12h", Duration.hours(12)],
        ["1 Day", Duration.days(1)],
        ["3 weeks", Duration.weeks(3)],
        ["never", undefined],
        ["", undefined]
      ] as const) {
        assert.deepStrictEqual((yield* given({ LOG_RETENTION: text })).logRetention, retention, text)
      }
      for (const [text, size] of [
        ["1048576", 1_048_576],
        ["500 MB", 500_000_000],
        ["10GiB", 10_737_418_240],
        ["2k", 2_000]
      ] as const) {
        const { logDiskBudget, minFreeDisk } = yield* given({ LOG_DISK_BUDGET: text, MIN_FREE_DISK: text })
        assert.deepStrictEqual([logDiskBudget, minFreeDisk], [size, size], text)
      }
      assert.strictEqual((yield* given({ MIN_FREE_DISK: "0" })).minFreeDisk, 0)
      assert.isTrue((yield* given({ CORE_DUMPS: "True" })).coreDumps)
      const wrong = yield* mistakes({
        file: "[edge_worker]\nlog_retention = 7 moons\nlog_disk_budget = -1\nmin_free_disk = much\ncore_dumps = maybe\n"
      })
      assert.deepStrictEqual(
        wrong.map((line) => /it must be .*$/.exec(line)?.[0]),
        [
          "it must be a time, as in 90 (seconds), 30 minutes, 12 hours or 7 days, or never",
          "it must be a number of bytes, as in 1048576, 500 MB or 10 GiB; or not set",
          "it must be a number of bytes, as in 1048576, 500 MB or 10 GiB",
          "it must be True or False (t, f, 1, 0 are taken too)"
        ]
      )
    })
  )

  it.effect("lists all mistakes at once, each with its key, place, value and what is allowed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        read({
          file: "[edge]\n\nheartbeat_interval = soon\nautomatic_maintenance_on = Maybe\npush_logs = %(x)s\n[api]\nssl_cert = /no/file\n[edge_worker]\nstate_foldr = x\n",
          env: {
            AIRFLOW__EDGE__API_URL: "ftp://me:hunter2@site.test/",
            AIRFLOW__EDGE__JOB_POLL_INTERVAL: "0",
            AIRFLOW__EDGE_WORKER__QUEUES: "a",
            AIRFLOW__EDGE__API_RETRIES: "1.0"
          }
        })
      )
      assert.strictEqual(
        error.message,
        `The configuration has 10 mistakes:
  - [edge] api_url: read "ftp://…@site.test/" from AIRFLOW__EDGE__API_URL; it must be an address that begins with http:// or https://
  - [edge] job_poll_interval: read "0" from AIRFLOW__EDGE__JOB_POLL_INTERVAL; it must be a whole number of seconds, at least 1
  - [edge] heartbeat_interval: read "soon" from /af/airflow.cfg, line 3 ([edge] heartbeat_interval); it must be a whole number of seconds, at least 1
  - [edge] push_logs: read a value that cannot be used from /af/airflow.cfg, line 5 ([edge] push_logs); %(x)s names a key that is neither in [edge] nor in [DEFAULT]
  - [edge] automatic_maintenance_on: read "Maybe" from /af/airflow.cfg, line 4 ([edge] automatic_maintenance_on); it must be one of Off, Warning, Error
  - [edge] api_retries: read "1.0" from AIRFLOW__EDGE__API_RETRIES; it must be a whole number, at least 1
  - [api] ssl_cert: read "/no/file" from /af/airflow.cfg, line 7 ([api] ssl_cert); it must be a file that exists and can be read; or not set: there is no such file
  - [edge_worker] state_foldr: read a key that does not exist from /af/airflow.cfg, line 9; did you mean state_folder?
  - [edge_worker] QUEUES: read a key that does not exist from AIRFLOW__EDGE_WORKER__QUEUES; there are state_folder, python, sysinfo_command, python_host_idle, outage_tolerance, log_retention, log_disk_budget, min_free_disk, commands, reported_edge_provider_version, core_dumps, task_program, task_isolation, task_host_idle, task_host_tasks, task_host_memory, unknown_task, management_url, management_token, management_user, management_password
  - [api_auth] jwt_secret: read nothing; it must be set to the site's secret: as AIRFLOW__API_AUTH__JWT_SECRET, …_CMD or …_SECRET, or in airflow.cfg`.replace(
          "9 mistakes",
          "10 mistakes"
        )
      )
    })
  )

  it.effect("a file with wrong syntax is named with every wrong line", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* mistakes({ file: "api_url = x\n[edge]\nhunter2\n" }), [
        "airflow.cfg: read a line from /af/airflow.cfg, line 1; a [section] line must come before the first key",
        "airflow.cfg: read a line from /af/airflow.cfg, line 3; neither a [section], nor a key = value, nor an indented line that goes on"
      ])
    })
  )

  for (const [name, env, mistake] of [
    [
      "a relative address",
      { AIRFLOW__EDGE__API_URL: "site.test/edge_worker/v1/rpcapi" },
      /^\[edge\] api_url: read "site.test/
    ],
    ["an empty address", { AIRFLOW__EDGE__API_URL: "" }, /^\[edge\] api_url: read "" from/],
    [
      "a wrong execution address",
      { AIRFLOW__CORE__EXECUTION_API_SERVER_URL: "/execution" },
      /must be an address .* or not set/
    ],
    [
      "a level in small letters",
      { AIRFLOW__LOGGING__LOGGING_LEVEL: "info" },
      /one of CRITICAL, .* in capitals/
    ],
    ["a umask that is not octal", { AIRFLOW__EDGE__WORKER_UMASK: "0o999" }, /an octal number from 0 to 777/],
    [
      "a certificate without its key",
      { AIRFLOW__API__CLIENT_SSL_CERT: "/cert" },
      /^\[api\] client_ssl_key: read nothing; it must be set because \[api\] client_ssl_cert is/
    ],
    [
      "waits in the wrong order",
      { AIRFLOW__EDGE__API_RETRY_WAIT_MIN: "100" },
      /^AIRFLOW__EDGE__API_RETRY_WAIT_MAX: read 90;/
    ],
    [
      "a variable that contains itself",
      { AIRFLOW__LOGGING__BASE_LOG_FOLDER: "$MORE", MORE: "x$MORE" },
      /contains itself/
    ],
    [
      "our own variable of a team",
      { AIRFLOW__RED___EDGE_WORKER__PYTHN: "x" },
      /^\[edge_worker\] PYTHN: .* did you mean python\?/
    ]
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const found = yield* mistakes({ env, files: { "/cert": "" } })
        assert.strictEqual(found.length, 1)
        assert.match(found[0] ?? "", mistake)
      })
    )
  }

  it.effect("takes what Airflow takes", () =>
    Effect.gen(function* () {
      const settings = yield* readEnough({
        env: {
          AIRFLOW__EDGE__AUTOMATIC_MAINTENANCE_ON: "WARNING",
          AIRFLOW__EDGE__AUTOMATIC_MAINTENANCE_EXIT: "",
          AIRFLOW__EDGE__WORKER_UMASK: "0o027",
          AIRFLOW__EDGE__PUSH_LOGS: "f # for now",
          AIRFLOW__API_AUTH__JWT_ISSUER: " me , you",
          AIRFLOW__API_AUTH__JWT_ALGORITHM: "HS256 , HS512",
          AIRFLOW__WORKERS__API_RETRY_WAIT_MAX: "7.5",
          AIRFLOW__EDGE__DRAIN_TIMEOUT_SEC: "60"
        }
      })
      assert.strictEqual(settings.automaticMaintenanceOn, "warning")
      assert.strictEqual(settings.automaticMaintenanceExit, "off")
      assert.deepStrictEqual([settings.umask, settings.daemonUmask], [0o027, 0o027])
      assert.isFalse(settings.pushLogs)
      assert.strictEqual(settings.jwtIssuer, "me")
      assert.strictEqual(settings.jwtAlgorithm, "HS256")
      assert.deepStrictEqual(settings.apiRetryWaitMax, Duration.millis(7500))
      assert.deepStrictEqual(settings.drainTimeout, Duration.seconds(60))
    })
  )

  it.effect("takes no algorithm that a shared secret has not, and Airflow's own word for its default", () =>
    Effect.gen(function* () {
      const of = (value: string) => readEnough({ env: { AIRFLOW__API_AUTH__JWT_ALGORITHM: value } })
      assert.strictEqual((yield* readEnough({})).jwtAlgorithm, "HS512")
      for (const value of ["GUESS", "", "HS512,EdDSA"]) {
        assert.strictEqual((yield* of(value)).jwtAlgorithm, "HS512", value)
      }
      for (const value of ["EdDSA", "RS256", "none", "hs256"]) {
        const { message } = yield* Effect.flip(of(value))
        assert.match(
          message,
          /\[api_auth\] jwt_algorithm: read .*it must be HS256, .* workers share a secret/
        )
      }
    })
  )

  it.effect("the command line comes first", () =>
    Effect.gen(function* () {
      const env = { AIRFLOW__EDGE__WORKER_CONCURRENCY: "4", AIRFLOW__EDGE_WORKER__PYTHON: "/a" }
      const settings = yield* readEnough({ env }, { concurrency: 2, umask: 0, python: "/b" })
      assert.deepStrictEqual(
        [settings.concurrency, settings.umask, settings.daemonUmask, settings.python],
        [2, 0, 0, "/b"]
      )
    })
  )

  it.effect("a team's value first, then the one without a team, then the default", () =>
    Effect.gen(function* () {
      const settings = yield* readEnough(
        {
          file: "[edge]\nheartbeat_interval = 7\njob_poll_interval = 7\ndrain_kill_grace_sec = 7\n[red=edge]\nheartbeat_interval = 8\n",
          env: { AIRFLOW__RED___EDGE__JOB_POLL_INTERVAL: "9" }
        },
        { team: "red" }
      )
      assert.deepStrictEqual(
        [
          settings.heartbeatInterval,
          settings.jobPollInterval,
          settings.drainKillGrace,
          settings.jwtLeeway
        ].map(Duration.toSeconds),
        [8, 9, 7, 10]
      )
    })
  )

  it.effect("AIRFLOW_HOME: the variable, else the old key, else ~/airflow", () =>
    Effect.gen(function* () {
      const { AIRFLOW_HOME: _, ...env } = enough
      const home = (env: Readonly<Record<string, string>>, file: string) =>
        Effect.map(
          EdgeConfig.use(Effect.succeed).pipe(
            Effect.provide(
              EdgeConfig.layer().pipe(
                Layer.provide(AirflowConfig.layer(allSettings)),
                Layer.provide(
                  ConfigSources.layerMemory({
                    env,
                    files: { "/home/me/airflow/airflow.cfg": file, "/x/airflow.cfg": file }
                  })
                )
              )
            )
          ),
          ({ airflowHome }) => airflowHome
        )
      assert.strictEqual(yield* home(env, ""), "/home/me/airflow")
      assert.strictEqual(yield* home(env, "[core]\nairflow_home = /old"), "/old")
      assert.strictEqual(yield* home({ ...env, AIRFLOW_HOME: "/x" }, "[core]\nairflow_home = /old"), "/x")
    })
  )

  it.effect("{AIRFLOW_HOME} is replaced in our own section, and is a warning in Airflow's", () =>
    Effect.gen(function* () {
      const settings = yield* readEnough({
        file: "[edge_worker]\nstate_folder = {AIRFLOW_HOME}/state\n[logging]\nbase_log_folder = {AIRFLOW_HOME}/l\n"
      })
      assert.strictEqual(settings.stateFolder, "/af/state")
      assert.strictEqual(settings.baseLogFolder, "{AIRFLOW_HOME}/l")
      assert.strictEqual(settings.warnings.length, 1)
      assert.match(settings.warnings[0] ?? "", /^\[logging\] base_log_folder .*write \$AIRFLOW_HOME/)
    })
  )

  describe("the shared secret", () => {
    const { AIRFLOW__API_AUTH__JWT_SECRET: _, ...without } = enough
    const secretOf = (given: Given) =>
      Effect.map(read({ ...given, env: { ...without, ...given.env } }), ({ jwtSecret, warnings }) => ({
        secret: Redacted.value(jwtSecret),
        warnings
      }))

    it.effect("from a command, with the line end that it printed and a warning of it", () =>
      Effect.gen(function* () {
        const { secret, warnings } = yield* secretOf({
          env: { AIRFLOW__API_AUTH__JWT_SECRET_CMD: "echo x" },
          commands: { "echo x": "hunter2\n" }
        })
        assert.strictEqual(secret, "hunter2\n")
        assert.strictEqual(warnings.length, 1)
        assert.notInclude(warnings.join(), "hunter2")
      })
    )
    it.effect("from key_cmd and key_secret in the file, where the key itself is not set", () =>
      Effect.gen(function* () {
        const file = "[api_auth]\njwt_secret_cmd = one\njwt_secret_secret = two\n"
        const commands = { one: "" }
        assert.strictEqual((yield* secretOf({ file, commands: { one: "1" } })).secret, "1")
        assert.strictEqual((yield* secretOf({ file, commands, secrets: { two: "2" } })).secret, "2")
        assert.strictEqual((yield* secretOf({ file: `${file}jwt_secret = 0` })).secret, "0")
      })
    )
    it.effect("from [core] internal_api_secret_key with a warning", () =>
      Effect.gen(function* () {
        const { secret, warnings } = yield* secretOf({
          env: { AIRFLOW__CORE__INTERNAL_API_SECRET_KEY: "old" }
        })
        assert.strictEqual(secret, "old")
        assert.match(warnings.join(), /^\[core\] internal_api_secret_key is used/)
      })
    )
    it.effect("a backend without a local Airflow is refused clearly", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(secretOf({ env: { AIRFLOW__API_AUTH__JWT_SECRET_SECRET: "path" } }))
        assert.match(
          error.message,
          /read a secret that cannot be used from AIRFLOW__API_AUTH__JWT_SECRET_SECRET; only a local Airflow/
        )
      })
    )
    it.effect("a backend that has no such secret leaves it unset, and says so", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          secretOf({ env: { AIRFLOW__API_AUTH__JWT_SECRET_SECRET: "path" }, secrets: {} })
        )
        assert.match(error.message, /jwt_secret: read .*no such value/)
      })
    )
    it.effect("a secret is never shown", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(secretOf({ file: "[api_auth]\njwt_secret = hunter2%x\n" }))
        assert.notInclude(JSON.stringify(error) + error.message, "hunter2")
      })
    )
    it.effect("a command is not looked at for other keys, and a warning says so", () =>
      Effect.gen(function* () {
        const { warnings } = yield* readEnough({
          file: "[edge]\nheartbeat_interval_cmd = %x\n",
          env: { AIRFLOW__EDGE__JOB_POLL_INTERVAL_CMD: "echo 3" }
        })
        assert.deepStrictEqual(
          warnings.map((text) => text.split(" is not looked at")[0]),
          ["AIRFLOW__EDGE__JOB_POLL_INTERVAL_CMD", "[edge] heartbeat_interval_cmd"]
        )
      })
    )
  })

  it.effect("says what an operator should know", () =>
    Effect.gen(function* () {
      const { executionApiUrl, warnings } = yield* readEnough({
        env: {
          AIRFLOW_CONFIG: "/not/there.cfg",
          AIRFLOW__EDGE__API_URL: "https://site.test/api",
          AIRFLOW__WORKERS__EXECUTION_API_SERVER_URL: "https://site.test/execution/"
        }
      })
      assert.strictEqual(executionApiUrl, "https://site.test/execution/")
      assert.deepStrictEqual(
        [/former name/, /does not contain edge_worker/, /\/not\/there.cfg, which does not exist/].map(
          (what) => warnings.some((text) => what.test(text))
        ),
        [true, true, true]
      )
    })
  )
})
