/** environment: the variables that make an Airflow process part of the site in a folder, or a worker of it. */
import { join } from "node:path"

/** The Dags of our own suite, demo and benchmark; a file a Dag, of the same name. */
export const dagsFolder = join(import.meta.dirname, "dags")

/** What `FOLDER/site.json` keeps of a site. */
export interface SiteSettings {
  readonly port: number
  /** The secret that the site and its workers share, made once for the folder. */
  readonly jwtSecret: string
  /** SQLAlchemy's address of the database. */
  readonly database: string
}

export type Environment = Readonly<Record<string, string>>

/** This process's variables without those that would leak into Airflow's configuration or its Python. */
const inherited = (): Record<string, string> => {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env))
    if (
      value !== undefined &&
      !/^(AIRFLOW|_AIRFLOW|PYTHON|VIRTUAL_ENV|OTEL_|NODE_OPTIONS|VITEST|NODE_ENV)/.test(name)
    )
      result[name] = value
  const noProxy = [process.env["NO_PROXY"] ?? process.env["no_proxy"], "127.0.0.1", "localhost"]
  result["NO_PROXY"] = result["no_proxy"] = noProxy.filter((part) => part !== undefined).join(",")
  return result
}

/** For api-server, scheduler, dag-processor, triggerer and `airflow` commands of the site. */
export const siteEnvironment = (folder: string, settings: SiteSettings): Environment => ({
  ...inherited(),
  PATH: `${join(folder, "venv", "bin")}:${process.env["PATH"] ?? ""}`,
  AIRFLOW_HOME: join(folder, "home"),
  AIRFLOW__CORE__DAGS_FOLDER: dagsFolder,
  AIRFLOW__CORE__LOAD_EXAMPLES: "False",
  AIRFLOW__CORE__EXECUTOR: "airflow.providers.edge3.executors.EdgeExecutor",
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${settings.port}/execution/`,
  AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True",
  AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: "False",
  AIRFLOW__CORE__PARALLELISM: "512",
  AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: settings.database,
  AIRFLOW__EDGE__API_ENABLED: "True",
  AIRFLOW__EDGE__API_URL: `http://127.0.0.1:${settings.port}/edge_worker/v1/rpcapi`,
  AIRFLOW__API_AUTH__JWT_SECRET: settings.jwtSecret,
  AIRFLOW__API__HOST: "127.0.0.1",
  AIRFLOW__API__PORT: String(settings.port),
  AIRFLOW__API__SECRET_KEY: settings.jwtSecret.slice(0, 32),
  AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: "5",
  AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: "False",
  PYTHONFAULTHANDLER: "1"
})

/** For a worker of the site on this machine: a home and a log folder of its own, and no database. */
export const workerEnvironment = (
  folder: string,
  settings: SiteSettings,
  home: string,
  /** Where the worker finds the site, when something stands between: `http://127.0.0.1:PORT`. */
  url = `http://127.0.0.1:${settings.port}`
): Environment => ({
  ...inherited(),
  PATH: `${join(folder, "venv", "bin")}:${process.env["PATH"] ?? ""}`,
  AIRFLOW_HOME: home,
  AIRFLOW__CORE__DAGS_FOLDER: dagsFolder,
  AIRFLOW__CORE__LOAD_EXAMPLES: "False",
  AIRFLOW__CORE__EXECUTOR: "airflow.providers.edge3.executors.EdgeExecutor",
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${url}/execution/`,
  AIRFLOW__EDGE__API_ENABLED: "True",
  AIRFLOW__EDGE__API_URL: `${url}/edge_worker/v1/rpcapi`,
  AIRFLOW__API_AUTH__JWT_SECRET: settings.jwtSecret,
  AIRFLOW__LOGGING__BASE_LOG_FOLDER: join(home, "logs")
})

/** The part of an environment that this process does not have itself, as lines for a shell. */
export const asShell = (environment: Environment): string =>
  Object.entries(environment)
    .filter(([name, value]) => process.env[name] !== value)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .concat("unset PYTHONDONTWRITEBYTECODE\n")
    .join("")
