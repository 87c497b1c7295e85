/** MachineFault: which failures are the machine's, told by the numbers that the system itself gives. */
import { mkdirSync } from "node:fs"
import { constants } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { isMachineFault } from "../../src/platform/MachineFault.ts"

const failing = (name: keyof typeof constants.errno) =>
  Object.assign(new Error(name), { errno: -constants.errno[name] })
const caught = (act: () => void) => {
  try {
    act()
  } catch (cause) {
    return cause
  }
  return assert.fail("nothing was thrown")
}

describe("isMachineFault", () => {
  for (const name of ["ENOSPC", "EDQUOT", "EIO", "EROFS", "ESTALE", "EMFILE", "EAGAIN", "ENOMEM"] as const) {
    it(`${name} is the machine's`, () => assert.isTrue(isMachineFault(failing(name))))
  }
  for (const name of ["ENAMETOOLONG", "ENOTDIR", "ELOOP", "EACCES", "ENOENT", "EINVAL"] as const) {
    it(`${name} is not`, () => assert.isFalse(isMachineFault(failing(name))))
  }
  it("what no call has said is not", () => {
    assert.isFalse(isMachineFault(new Error("ENOSPC")))
    assert.isFalse(isMachineFault(undefined))
    assert.isFalse(isMachineFault(caught(() => mkdirSync(`/${"x".repeat(300)}`))))
  })
})
