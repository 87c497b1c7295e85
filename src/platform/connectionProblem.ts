/** connectionProblem: what a Node error means that a connection failed with: unresolved, refused, untrusted, cut off. */

/** The parts of a Node error that tell what happened. */
export interface Seen {
  readonly code: string
  readonly syscall: string
  readonly message: string
  /** `address:port` where the connection was tried. */
  readonly peer: string
}

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : ""

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && key in value ? Reflect.get(value, key) : undefined

/** A connection that was tried at several addresses fails with an error that has one error each. */
export const seen = (cause: unknown): Seen => {
  const errors = field(cause, "errors")
  const one: unknown = Array.isArray(errors) && errors.length > 0 ? errors[0] : cause
  const [address, port] = [text(field(one, "address")), text(field(one, "port"))]
  return {
    code: text(field(one, "code")) || text(field(cause, "code")),
    syscall: text(field(one, "syscall")),
    message: text(field(one, "message")),
    peer: address && port ? `${address}:${port}` : ""
  }
}

const untrusted =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_)/

/**
 * What went wrong before anything was sent, in words; `undefined` where it went wrong later. `setting` is the key that
 * names the address.
 */
export const beforeSending = (
  { code, message, peer, syscall }: Seen,
  host: string,
  setting: string
): string | undefined => {
  const at = peer || host
  if (code === "ENOTFOUND" || code.startsWith("EAI_") || syscall === "getaddrinfo") {
    return `the name of ${host} cannot be resolved (${code}): check ${setting} and this machine's DNS`
  }
  if (code === "ECONNREFUSED") {
    return `nothing listens at ${at} (${code}): is the site up, and is ${setting} (or the proxy) right?`
  }
  if (["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "EADDRNOTAVAIL"].includes(code)) {
    return `there is no route to ${at} (${code}): check this machine's network`
  }
  if (syscall === "connect") {
    return `no connection to ${at} (${code}): a firewall may be in between, or a proxy is needed (HTTPS_PROXY, HTTP_PROXY)`
  }
  if (code === "CERT_HAS_EXPIRED")
    return `the certificate of ${host} has expired (${code}): renew it, or check this machine's clock`
  if (code === "CERT_NOT_YET_VALID")
    return `the certificate of ${host} is not valid yet (${code}): check this machine's clock`
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `the certificate is not for ${host} (${code}): ${setting} must have a name that stands in it`
  }
  if (untrusted.test(code)) {
    return `the certificate of ${host} is not trusted (${code}): add its authority to the system's store, SSL_CERT_FILE or [api] ssl_ca_file`
  }
  if (code === "ERR_PROXY_TUNNEL")
    return `the proxy opened no tunnel to ${host} (${code}): check HTTPS_PROXY and NO_PROXY`
  if (/wrong version number|packet length too long/i.test(message)) {
    return `${host} does not speak TLS (${code}): should ${setting} begin with http://?`
  }
  if (/^ERR_(SSL|TLS)_/.test(code) || code === "EPROTO") {
    return `the TLS handshake with ${host} failed (${code}): it may want a client certificate ([api] client_ssl_cert, client_ssl_key)`
  }
  return message.startsWith("Client network socket disconnected before")
    ? `${host} closed the connection during the TLS handshake`
    : undefined
}
