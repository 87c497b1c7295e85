/** openToAppend: opens a task's log at its end, and says whether its last line is whole. */
import { constants } from "node:fs"
import type { Calls } from "./FileCalls.ts"

/** The default of `[logging] file_task_handler_new_file_permissions`. */
const permissions = 0o664

/** Makes the file where it is not there. Never a symbolic link, and never waits for a FIFO's reader. */
export const openToAppend = async (calls: Calls, file: string) => {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
  const fd = await calls.open(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_RDWR, permissions)
  try {
    const found = await calls.stat(fd)
    if (!found.isFile()) throw new Error("it is not a regular file")
    const last = new Uint8Array(1)
    const size = Number(found.size)
    if (size > 0) await calls.read(fd, last, size - 1)
    // A task that was killed may have left half a line.
    return { fd, torn: size > 0 && last[0] !== 0x0a }
  } catch (cause) {
    await calls.close(fd)
    throw cause
  }
}
