/** certificates: X.509 certificates made at test time, so that no key lies in the repository. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import { isIPv4 } from "node:net"

/** What a certificate says. */
export interface Wanted {
  readonly name: string
  /** Host names and IPv4 addresses it is for; none: the common name alone. */
  readonly hosts?: ReadonlyArray<string>
  readonly authority?: boolean
  /** Who signs it; itself where nobody is named. */
  readonly by?: Certified
  readonly from?: Date
  readonly until?: Date
}

export interface Certified {
  readonly name: string
  readonly cert: string
  readonly key: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"))
const utf8 = (text: string) => der(0x0c, Buffer.from(text))
const time = (date: Date) =>
  der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`))
const subject = (name: string) => sequence(der(0x31, sequence(oid("550403"), utf8(name))))
const extension = (id: string, critical: boolean, value: Uint8Array) =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))
const keyId = (key: KeyObject) =>
  createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()

const altName = (host: string) =>
  isIPv4(host) ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, Buffer.from(host))

const pem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${bytes
    .toString("base64")
    .match(/.{1,64}/g)
    ?.join("\n")}\n-----END ${label}-----\n`

const day = 86_400_000

/** A certificate with a key of its own (P-256, SHA-256), valid from yesterday until tomorrow. */
export const certify = (wanted: Wanted): Certified => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const issuer = wanted.by ?? { name: wanted.name, privateKey, publicKey }
  const hosts = wanted.hosts ?? []
  const extensions = [
    extension("551d0e", false, der(0x04, keyId(publicKey))),
    extension("551d23", false, sequence(der(0x80, keyId(issuer.publicKey)))),
    ...(wanted.authority
      ? [
          extension("551d13", true, sequence(der(0x01, Buffer.from([0xff])))),
          extension("551d0f", true, der(0x03, Buffer.from([1, 0x06])))
        ]
      : []),
    ...(hosts.length > 0 ? [extension("551d11", false, sequence(...hosts.map(altName)))] : [])
  ]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1, ...keyId(publicKey).subarray(0, 8)])),
    ecdsaWithSha256,
    subject(issuer.name),
    sequence(
      time(wanted.from ?? new Date(Date.now() - day)),
      time(wanted.until ?? new Date(Date.now() + day))
    ),
    subject(wanted.name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions))
  )
  const signature = sign("sha256", body, issuer.privateKey)
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  return {
    name: wanted.name,
    cert: pem("CERTIFICATE", whole),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    privateKey,
    publicKey
  }
}
