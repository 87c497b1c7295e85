/** isLocal: whether a file system is this machine's own, or another one may hold it too. */
import { statfsSync } from "node:fs"

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
