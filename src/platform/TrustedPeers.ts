/** TrustedPeers: which addresses a server accepts connections from. */
import { BlockList, isIP } from "node:net"

/** Addresses and networks (`10.0.0.0/8`) as a test, or the words that are none of these. */
export const trustedPeers = (
  words: ReadonlyArray<string>
):
  | { readonly accepts: (address: string | undefined) => boolean }
  | { readonly wrong: ReadonlyArray<string> } => {
  const list = new BlockList()
  const wrong = words.filter((word) => {
    const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(word) ?? []
    const version = isIP(address)
    if (version === 0 || Number(bits ?? 0) > (version === 4 ? 32 : 128)) return true
    const family = version === 4 ? "ipv4" : "ipv6"
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
    return false
  })
  if (wrong.length > 0) return { wrong }
  return {
    accepts: (given) => {
      // What listens on IPv6 sees a peer on IPv4 as ::ffff:10.0.0.1.
      const address = given?.replace(/^::ffff:(?=\d+\.)/i, "") ?? ""
      const version = isIP(address)
      return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6")
    }
  }
}

/**
 * Who speaks through the proxies that are named: where the outermost of them heard it from. What stands further left in
 * `X-Forwarded-For` anybody may have written.
 */
export const addressBehind = (
  proxies: ReadonlyArray<string>,
  peer: string,
  forwardedFor: string | undefined
): string => {
  const trusted = trustedPeers(proxies)
  if ("wrong" in trusted || !trusted.accepts(peer)) return peer
  const hops = (forwardedFor ?? "").split(",").map((hop) => hop.trim())
  const outside = hops.findLast((hop) => !trusted.accepts(hop)) ?? ""
  return isIP(outside) === 0 ? peer : outside
}

/** Whether only this machine can reach what listens there. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))

/** Why nobody may listen so, or `undefined`: what crosses a network must not be readable on it. */
export const exposure = (settings: {
  readonly host: string
  readonly tlsCert: string | undefined
  readonly trustedProxy: ReadonlyArray<string>
}): string | undefined => {
  const { host, tlsCert, trustedProxy } = settings
  if (isLoopback(host) || tlsCert !== undefined || trustedProxy.length > 0) return undefined
  return `${host} can be reached from other machines, and tokens and passwords must not cross a network in the clear: set [edge_central] tls_cert and tls_key, or [edge_central] trusted_proxy to the address of the proxy that ends TLS, or listen on 127.0.0.1`
}
