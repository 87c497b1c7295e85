/** NameProof: whether the worker that held this name at the site before is proved dead (docs/decisions/0003). */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs"
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

/** `f_type` of file systems whose files another machine may hold, or whose locks are not the kernel's own (statfs(2)). */
const notLocal = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x517b, "SMB"],
  [0x01021997, "9p"],
  [0x00c36400, "Ceph"],
  [0x65735546, "FUSE"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x5346414f, "AFS"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
  [0x73757245, "Coda"],
  [0x19830326, "BeeGFS"]
])

/** Whether the folder's file system is this machine's own. */
export const isLocal = (folder: string): boolean => {
  try {
    return !notLocal.has(statfsSync(folder).type >>> 0)
  } catch {
    return false
  }
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
