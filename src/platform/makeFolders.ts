/**
 * makeFolders: a folder with all that is missing above it. Not node's `recursive`, which asks for ever, at full load and deaf to
 * signals, where a file system says ENOENT below a folder that is there (/proc, a mount whose server is gone): seen on Node 24.
 */
import { existsSync, mkdirSync, promises, statSync } from "node:fs"
import { dirname } from "node:path"

const isMissing = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

const isFolderNow = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** At once; throws what the file system says where `path` is no folder afterwards. */
export const makeFolders = (path: string, mode: number): void => {
  // Most often it is there, and an error costs more than a look.
  if (isFolderNow(path)) return
  const parent = dirname(path)
  try {
    mkdirSync(path, { mode })
  } catch (cause) {
    if (isFolderNow(path)) return
    if (!isMissing(cause) || existsSync(parent)) throw cause
    makeFolders(parent, mode)
    makeFolders(path, mode)
  }
}

const isThere = (path: string) =>
  promises.stat(path).then(
    () => true,
    () => false
  )
const isFolder = (path: string) =>
  promises.stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )

/** The same on libuv's threads. */
export const makeFoldersLater = async (path: string, mode: number): Promise<void> => {
  const parent = dirname(path)
  try {
    await promises.mkdir(path, { mode })
  } catch (cause) {
    if (await isFolder(path)) return
    if (!isMissing(cause) || (await isThere(parent))) throw cause
    await makeFoldersLater(parent, mode)
    await makeFoldersLater(path, mode)
  }
}
