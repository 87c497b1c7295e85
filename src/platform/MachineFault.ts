/** MachineFault: whether a system call failed because of the machine, whatever it was asked to do. */
import { constants } from "node:os"

const { EAGAIN, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ENOTCONN, EROFS, ESTALE, ETIMEDOUT } =
  constants.errno

/** Disks that are full, broken or read-only, network file systems that are away, no memory, descriptors or processes left. */
const faults = new Set([
  EAGAIN,
  EDQUOT,
  EIO,
  EMFILE,
  ENFILE,
  ENOMEM,
  ENOSPC,
  ENOTCONN,
  EROFS,
  ESTALE,
  ETIMEDOUT
])

/** By number: Node has no names for EDQUOT and ESTALE. */
export const isMachineFault = (cause: unknown): boolean =>
  cause instanceof Error && "errno" in cause && typeof cause.errno === "number" && faults.has(-cause.errno)
