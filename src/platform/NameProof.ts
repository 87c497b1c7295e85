/** NameProof: whether the worker that held this name at the site before is proved dead (docs/decisions/0003). */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * Which lock was held, where: written when the site has taken the worker, removed after a goodbye that it heard. Before
 * that, as `asked`, before the site is asked: whether it took the worker only its answer tells.
 */
export const NameHeld = Schema.Struct({
  worker_name: Schema.String,
  pid: Schema.Int,
  start_time: Schema.NullOr(Schema.String),
  /** Device and inode of the lock's file: a copy of the folder has another one. */
  lock: Schema.String,
  /** Linux' boot id: one running kernel. */
  boot: Schema.String,
  /** `/etc/machine-id`; empty where there is none. */
  machine: Schema.String,
  /** A digest of the network cards' addresses; empty where there is none. A cloned image runs on others. */
  hardware: Schema.String,
  /** The site was asked, and its answer is not noted: no proof that the name was ours. */
  asked: Schema.optionalKey(Schema.Boolean)
})
export type NameHeld = typeof NameHeld.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(NameHeld))

/** `name.json` of a state folder. */
export const readNameHeld = (folder: string): Option.Option<NameHeld> =>
  decode(read(join(folder, "name.json")))

/** This machine, this kernel and this lock. */
export const here = (lockFile: string): Pick<NameHeld, "boot" | "hardware" | "lock" | "machine"> => {
  const { dev, ino } = statSync(lockFile, { bigint: true })
  return {
    lock: `${dev}:${ino}`,
    boot: read("/proc/sys/kernel/random/boot_id").trim(),
    machine: read("/etc/machine-id").trim(),
    hardware: hardware()
  }
}

/**
 * We hold the lock now. That proves the one who held it dead where it was the same file of the same running kernel
 * (the lock is the kernel's, whatever the container), or where that kernel is gone because this very machine was booted
 * since. A network file system's locks, a copied folder and a cloned image prove nothing.
 */
export const provesDead = (held: NameHeld, now: ReturnType<typeof here>, local: boolean): boolean => {
  if (!local || held.boot === "" || now.boot === "" || held.lock !== now.lock) return false
  if (held.boot === now.boot) return true
  return (
    held.machine !== "" &&
    held.machine === now.machine &&
    held.hardware !== "" &&
    held.hardware === now.hardware
  )
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** Of cards that have a device: a bridge or a container's pair comes and goes. */
const hardware = (): string => {
  const base = "/sys/class/net"
  if (!existsSync(base)) return ""
  const addresses = readdirSync(base)
    .filter((name) => existsSync(join(base, name, "device")))
    .map((name) => read(join(base, name, "address")).trim())
    .filter((address) => address !== "" && address !== "00:00:00:00:00:00")
    .sort()
  return addresses.length === 0 ? "" : createHash("sha256").update(addresses.join(" ")).digest("hex")
}
