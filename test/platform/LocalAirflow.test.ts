/** LocalAirflow and SitePackages on made-up installations: which Python, which versions, and what is noticed. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EdgeConfig, type EdgeSettings } from "../../src/config/EdgeConfig.ts"
import { LocalAirflow } from "../../src/platform/LocalAirflow.ts"
import { Processes } from "../../src/platform/Processes.ts"
import { placesOf, versionOf } from "../../src/platform/SitePackages.ts"
import { testSettings } from "../../src/testing/settings.ts"

const scratch = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "edge-airflow-")))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const put = (file: string, text = "") => {
  mkdirSync(join(file, ".."), { recursive: true })
  writeFileSync(file, text)
}
/** An interpreter that answers no question. */
const interpreter = (file: string, script = "exit 1") => {
  put(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o700)
  return file
}
const distribution = (folder: string, name: string, version: string) =>
  put(
    join(folder, `${name}-${version}.dist-info`, "METADATA"),
    `Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\n`
  )

/** A virtual environment with Airflow. Its interpreter cannot run: whatever is known comes from files. */
const venv = (root: string, options: { readonly airflow?: string; readonly cfg?: string } = {}) => {
  const packages = join(root, "lib", "python3.12", "site-packages")
  mkdirSync(packages, { recursive: true })
  put(join(root, "pyvenv.cfg"), options.cfg ?? `home = ${root}-base/bin\nversion = 3.12.4\n`)
  interpreter(join(root, "bin", "python"))
  if (options.airflow !== undefined) {
    distribution(packages, "apache_airflow_core", options.airflow)
    distribution(packages, "apache_airflow_providers_edge3", "5.1.0")
  }
  return { python: join(root, "bin", "python"), packages }
}

const layer = (
  env: Readonly<Record<string, string>>,
  settings: Partial<EdgeSettings> = {},
  python?: string
) => {
  const processes = Layer.effect(
    Processes,
    Effect.map(Processes, (real) => ({ ...real, environment: env }))
  ).pipe(Layer.provide(Processes.layer))
  return LocalAirflow.layer({ python }).pipe(
    Layer.provide(Layer.merge(processes, Layer.succeed(EdgeConfig, testSettings(settings)))),
    Layer.fresh
  )
}

describe("LocalAirflow", () => {
  it.live("reads the versions of a virtual environment without starting its Python", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const { python } = venv(root, { airflow: "3.3.2" })
      const airflow = yield* LocalAirflow.use((local) => local.current).pipe(
        Effect.provide(layer({ VIRTUAL_ENV: root }))
      )
      assert.deepInclude(airflow, { python, airflow: "3.3.2", edge3: "5.1.0", pythonVersion: "3.12.4" })
    })
  )

  it.live(
    "--python goes before the setting, the setting before $VIRTUAL_ENV, that before the PATH's airflow",
    () =>
      Effect.gen(function* () {
        const root = yield* scratch
        const [flag, setting, active, onPath] = ["flag", "setting", "active", "path"].map((name, index) =>
          venv(join(root, name), { airflow: `3.3.${index}` })
        )
        put(
          join(root, "bin", "airflow"),
          `#!/bin/sh\n'''exec' "${onPath?.python}" "$0" "$@"\n' '''\nimport sys\n`
        )
        const env = { PATH: `/nowhere:${join(root, "bin")}` }
        const seen = (...given: Parameters<typeof layer>) =>
          LocalAirflow.use((local) => Effect.map(local.current, (found) => found.airflow)).pipe(
            Effect.provide(layer(...given))
          )
        const both = { ...env, VIRTUAL_ENV: join(root, "active") }
        assert.strictEqual(yield* seen(both, { python: setting?.python }, flag?.python), "3.3.0")
        assert.strictEqual(yield* seen(both, { python: setting?.python }), "3.3.1")
        assert.strictEqual(yield* seen(both), "3.3.2")
        assert.strictEqual(yield* seen(env), "3.3.3")
        assert.isDefined(active)
      })
  )

  it.live(
    "goes on to the next place where there is no Airflow, and names all of them where there is none",
    () =>
      Effect.gen(function* () {
        const root = yield* scratch
        venv(join(root, "empty"))
        put(join(root, "bin", "airflow"), `#!${join(root, "gone", "python")}\n`)
        const env = { VIRTUAL_ENV: join(root, "empty"), PATH: join(root, "bin") }
        const none = yield* Effect.flip(LocalAirflow.use((local) => local.current)).pipe(
          Effect.provide(layer(env))
        )
        assert.include(none.message, join(root, "empty", "bin", "python"))
        assert.include(none.message, join(root, "bin", "airflow"))
        assert.include(none.message, join(root, "gone", "python"))
        assert.include(none.message, "--python")
        const { python } = venv(join(root, "gone"), { airflow: "3.3.2" })
        put(join(root, "bin", "airflow"), `#!${python}\n`)
        const found = yield* LocalAirflow.use((local) => local.current).pipe(Effect.provide(layer(env)))
        assert.strictEqual(found.python, python)
      })
  )

  it.live(
    "notices an upgrade; in its middle it knows the version before; an edited airflow.cfg is another state",
    () =>
      Effect.gen(function* () {
        const root = yield* scratch
        const { packages } = venv(root, { airflow: "3.3.2" })
        yield* Effect.gen(function* () {
          const local = yield* LocalAirflow
          const before = yield* local.current
          assert.deepStrictEqual(yield* local.current, before)
          renameSync(
            join(packages, "apache_airflow_core-3.3.2.dist-info"),
            join(packages, "~pache_airflow_core")
          )
          assert.strictEqual((yield* local.current).airflow, "3.3.2")
          distribution(packages, "apache_airflow_core", "3.3.3")
          const after = yield* local.current
          assert.strictEqual(after.airflow, "3.3.3")
          assert.notStrictEqual(after.fingerprint, before.fingerprint)
          put(join(root, "home", "airflow.cfg"), "[core]\n")
          const edited = yield* local.current
          assert.notStrictEqual(edited.fingerprint, after.fingerprint)
          assert.deepStrictEqual({ ...edited, fingerprint: "" }, { ...after, fingerprint: "" })
        }).pipe(Effect.provide(layer({ VIRTUAL_ENV: root }, { airflowHome: join(root, "home") })))
      })
  )

  it.live("asks the Python itself where its files do not tell", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const answer = `{"python": "3.10.1", "airflow": "3.0.0", "edge3": null}`
      const python = interpreter(join(root, "odd", "bin", "python"), `echo hello; echo '${answer}'`)
      const found = yield* LocalAirflow.use((local) => local.current).pipe(
        Effect.provide(layer({}, {}, python))
      )
      assert.deepInclude(found, { airflow: "3.0.0", edge3: undefined, pythonVersion: "3.10.1" })
    })
  )
})

describe("SitePackages", () => {
  it.effect(
    "looks where a system's Python looks: PYTHONPATH, the user's, Debian's folders and what .pth files add",
    () =>
      Effect.gen(function* () {
        const root = yield* scratch
        const usr = join(root, "usr")
        interpreter(join(usr, "bin", "python3.11"))
        symlinkSync("python3.11", join(usr, "bin", "python3"))
        const folders = [
          join(root, "extra"),
          join(root, "home", ".local", "lib", "python3.11", "site-packages"),
          join(usr, "local", "lib", "python3.11", "dist-packages"),
          join(usr, "lib", "python3", "dist-packages"),
          join(root, "linked")
        ]
        for (const folder of folders) mkdirSync(folder, { recursive: true })
        put(
          join(usr, "lib", "python3", "dist-packages", "a.pth"),
          `# no\nimport os; print(1)\n${join(root, "linked")}\n/gone\n`
        )
        const env = { HOME: join(root, "home"), PYTHONPATH: `${join(root, "extra")}:/gone` }
        const places = placesOf(join(usr, "bin", "python3"), env)
        assert.deepStrictEqual(places, { pythonVersion: "3.11", folders })
        assert.notInclude(
          placesOf(join(usr, "bin", "python3"), { ...env, PYTHONNOUSERSITE: "1" }).folders,
          folders[1]
        )
      })
  )

  it.effect("a virtual environment sees its base's packages only where it says so", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const base = join(root, "usr", "lib", "python3.12", "site-packages")
      mkdirSync(base, { recursive: true })
      mkdirSync(join(root, "usr", "bin"), { recursive: true })
      const cfg = (system: boolean) =>
        `home = ${join(root, "usr", "bin")}\nversion_info = 3.12.4.final.0\ninclude-system-site-packages = ${system}\n`
      const closed = venv(join(root, "closed"), { cfg: cfg(false) })
      assert.deepStrictEqual(placesOf(closed.python, {}), {
        pythonVersion: "3.12.4",
        folders: [closed.packages]
      })
      const open = venv(join(root, "open"), { cfg: cfg(true) })
      assert.deepStrictEqual(placesOf(open.python, {}).folders, [open.packages, base])
    })
  )

  it.effect("a version comes from METADATA; what an interrupted pip left is passed over", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      mkdirSync(join(root, "apache_airflow-3.0.0.dist-info"))
      distribution(root, "apache-airflow", "3.3.2")
      distribution(root, "apache_airflow_extra", "9.9.9")
      assert.strictEqual(versionOf([root], "apache_airflow"), "3.3.2")
      assert.isUndefined(versionOf([root], "apache_airflow_core"))
    })
  )
})
