/** TrustedCertificates: the certificate authorities that Python's OpenSSL would trust on this machine, and ours. */

import * as fs from "node:fs/promises"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A certificate or key file that the configuration names cannot be used. */
export class CertificateFileError extends Schema.TaggedError<CertificateFileError>()("CertificateFileError", {
  /** Where the file is named: `[api] ssl_ca_file`, `NODE_EXTRA_CA_CERTS`, … */
  setting: Schema.String,
  path: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.setting} names ${this.path}: ${this.problem}`
  }
}

/** Files that must be readable because somebody named them, each with the setting that names it. */
export type NamedFiles = ReadonlyArray<readonly [setting: string, path: string | undefined]>

/** Where Linux systems keep the store: Debian and Alpine, Fedora and RHEL, SUSE, and what OpenSSL itself defaults to. */
const storeFiles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/usr/lib/ssl/cert.pem"
]
const storeFolders = ["/etc/ssl/certs", "/etc/pki/tls/certs"]

const pemBlock = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g

/** What stands in a PEM file, one certificate each; anything else in it is skipped, as OpenSSL does. */
const blocks = (text: string): ReadonlyArray<string> => text.match(pemBlock) ?? []

const readable = (file: string): Effect.Effect<string> =>
  Effect.promise(() => fs.readFile(file, "latin1").catch(() => ""))

/** The first of several places that has certificates: they are links to one another on most systems. */
const firstStore = Effect.gen(function* () {
  for (const file of storeFiles) {
    const found = blocks(yield* readable(file))
    if (found.length > 0) return found
  }
  return []
})

/** A folder as OpenSSL reads it: only files named by a hash of their subject, `0a1b2c3d.0`. */
const hashedFolder = (folder: string) =>
  Effect.promise(async () => {
    const names = await fs.readdir(folder).catch((): Array<string> => [])
    const files = names
      .filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
      .map((name) => path.join(folder, name))
    const texts = await Promise.all(files.map((file) => fs.readFile(file, "latin1").catch(() => "")))
    return texts.flatMap(blocks)
  })

const named = (setting: string, file: string) =>
  Effect.tryPromise({
    try: () => fs.readFile(file, "latin1"),
    catch: (cause) =>
      new CertificateFileError({
        setting,
        path: file,
        problem: `it cannot be read (${cause instanceof Error ? cause.message : String(cause)})`
      })
  }).pipe(
    Effect.filterOrFail(
      (text) => blocks(text).length > 0,
      () => new CertificateFileError({ setting, path: file, problem: "it has no PEM certificate in it" })
    ),
    Effect.map(blocks)
  )

/** A file that only the environment names: where it cannot be used, OpenSSL goes on without it. We say so. */
const wished = (setting: string, file: string) =>
  named(setting, file).pipe(
    Effect.catch((error) => Effect.as(Effect.logWarning(`${error.message}; going on without it`), []))
  )

/**
 * All trusted authorities as PEM, each once. The system's store is where OpenSSL looks (`SSL_CERT_FILE` and
 * `SSL_CERT_DIR` replace its places, one that cannot be read is passed over with a warning); `NODE_EXTRA_CA_CERTS` and `files` add to it.
 * On macOS and Windows the store is `system`.
 */
export const trusted = Effect.fnUntraced(function* (
  env: Readonly<Record<string, string | undefined>>,
  files: NamedFiles,
  system: Effect.Effect<ReadonlyArray<string>>
) {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders, NODE_EXTRA_CA_CERTS: extra } = env
  const all = yield* Effect.all(
    [
      ...(file ? [wished("SSL_CERT_FILE", file)] : [firstStore]),
      ...(folders ? folders.split(path.delimiter) : storeFolders).map(hashedFolder),
      ...(process.platform === "darwin" || process.platform === "win32" ? [system] : []),
      ...(extra ? [wished("NODE_EXTRA_CA_CERTS", extra)] : []),
      ...files.flatMap(([setting, name]) => (name ? [named(setting, name)] : []))
    ],
    { concurrency: "unbounded" }
  )
  return [...new Set(all.flat().map((block) => block.replaceAll("\r\n", "\n")))]
})
