/** keyPaths: names with slashes, as Airflow's client writes them into a path, made one segment of it. */

const xcom = /^(\/execution\/xcoms\/[^/?]+\/[^/?]+\/[^/?]+\/)([^?]+)/
const named = /^(\/execution\/(?:variables|store\/ti\/[^/?]+)\/)([^?]+)/
/** What follows the name of an XCom that is read. */
const tail = /\/(?:slice|item\/[^/]+)$/

const whole = (name: string) => name.replaceAll("/", "%2F")

/** The path and query as they are routed: in the Execution API a name is the rest of the path, slashes included. */
export const keyPath = (method: string, url: string): string => {
  const [, before, name] = xcom.exec(url) ?? []
  if (before !== undefined && name !== undefined) {
    const end = method === "GET" ? (tail.exec(name)?.[0] ?? "") : ""
    return `${before}${whole(name.slice(0, name.length - end.length))}${end}${url.slice(before.length + name.length)}`
  }
  const [, path, key] = named.exec(url) ?? []
  return path === undefined || key === undefined
    ? url
    : `${path}${whole(key)}${url.slice(path.length + key.length)}`
}
