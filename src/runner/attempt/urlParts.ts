/** urlParts: a URI taken apart as Python's `urllib.parse` does it, which connections are written for; WHATWG's URL differs. */

/** What `urlsplit` and the properties of its result give (CPython 3.11). */
export interface UrlParts {
  readonly scheme: string
  readonly netloc: string
  readonly path: string
  readonly query: string
  readonly username: string | undefined
  readonly password: string | undefined
  /** In small letters up to a `%`; without the brackets of an IPv6 address. */
  readonly hostname: string
  readonly port: number | null
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** `unquote`: what is no escape stays, what is no UTF-8 becomes U+FFFD; characters beyond ASCII end a run of bytes. */
export const unquote = (text: string): string => {
  if (!text.includes("%")) return text
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  return text.replace(/[\x00-\x7f]+/g, (ascii) =>
    decoder.decode(
      Uint8Array.from(ascii.match(/%[0-9a-fA-F]{2}|[\s\S]/g) ?? [], (part) =>
        part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)
      )
    )
  )
}

/** `dict(parse_qsl(query, keep_blank_values=True))` */
export const queryFields = (query: string): ReadonlyMap<string, string> => {
  const decode = (text: string) => unquote(text.replaceAll("+", " "))
  return new Map(
    query
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => {
        const at = pair.indexOf("=")
        return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))]
      })
  )
}

const cutAt = (text: string, at: number): readonly [string, string] =>
  at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]

/** Signs that stand for another one and would move the host's end once somebody normalises it. */
const ambiguous = (netloc: string): boolean => {
  const bare = netloc.replace(/[@:#?]/g, "")
  const normal = bare.normalize("NFKC")
  return normal !== bare && /[/?#@:]/.test(normal)
}

const isIpv6 = (host: string): boolean =>
  /^v[a-fA-F0-9]+\../.test(host) || URL.canParse(`http://[${host.replace(/%.+$/, "")}]`) // Python takes a zone, and URL does not

/** The mistake in words where Python raises a ValueError. */
export const urlParts = (uri: string): UrlParts | string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as Python strips them
  let rest = uri.replace(/^[\x00-\x20]+/, "").replace(/[\t\r\n]/g, "")
  const scheme = (/^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(rest)?.[1] ?? "").toLowerCase()
  if (scheme !== "") rest = rest.slice(scheme.length + 1)
  let netloc = ""
  if (rest.startsWith("//")) {
    const end = rest.slice(2).search(/[/?#]/)
    netloc = end < 0 ? rest.slice(2) : rest.slice(2, end + 2)
    rest = rest.slice(2 + netloc.length)
  }
  if (netloc.includes("[") !== netloc.includes("]")) return "one of the brackets of its host is missing"
  if (ambiguous(netloc)) return "its host holds signs that are normalised to one of /?#@:"
  const [path, query] = cutAt(
    cutAt(rest, rest.indexOf("#"))[0],
    cutAt(rest, rest.indexOf("#"))[0].indexOf("?")
  )
  const at = netloc.lastIndexOf("@")
  const [username, password] = cutAt(
    netloc.slice(0, Math.max(at, 0)),
    netloc.slice(0, Math.max(at, 0)).indexOf(":")
  )
  const hostInfo = netloc.slice(at + 1)
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(hostInfo)
  if (hostInfo.includes("[") && (bracketed === null || !isIpv6(bracketed[1] ?? "")))
    return "the brackets of its host hold no IPv6 address"
  const [host, port] =
    bracketed === null ? cutAt(hostInfo, hostInfo.indexOf(":")) : [bracketed[1] ?? "", bracketed[2] ?? ""]
  if (port !== "" && (!/^[0-9]+$/.test(port) || Number(port) > 65_535))
    return "its port is no number from 0 to 65535"
  const zone = host.indexOf("%")
  return {
    scheme,
    netloc,
    path,
    query,
    username: at < 0 ? undefined : username,
    password: at < 0 || !netloc.slice(0, at).includes(":") ? undefined : password,
    hostname: zone < 0 ? host.toLowerCase() : host.slice(0, zone).toLowerCase() + host.slice(zone),
    port: port === "" ? null : Number(port)
  }
}
