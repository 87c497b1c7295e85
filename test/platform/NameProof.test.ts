/** NameProof: what proves a predecessor dead, and what does not. */
import { assert, describe, it } from "@effect/vitest"
import { type NameHeld, provesDead } from "../../src/platform/NameProof.ts"

const now = { lock: "1:2", boot: "b2", machine: "m", hardware: "h" }
const held: NameHeld = { ...now, worker_name: "one", pid: 1, start_time: "0" }

describe("NameProof", () => {
  for (const [what, before, local, proof] of [
    ["the same lock of the same kernel", held, true, true],
    ["the same kernel in a container without cards", { ...held, hardware: "" }, true, true],
    ["this machine booted since", { ...held, boot: "b1" }, true, true],
    ["a network file system", held, false, false],
    ["a copied folder", { ...held, lock: "1:3" }, true, false],
    ["a cloned image: other cards", { ...held, boot: "b1", hardware: "other" }, true, false],
    ["a machine without cards or id, booted since", { ...held, boot: "b1", hardware: "" }, true, false],
    ["another machine", { ...held, boot: "b1", machine: "other" }, true, false],
    ["a system without boot ids", { ...held, boot: "" }, true, false]
  ] as const) {
    it(`${what}: ${proof ? "a proof" : "no proof"}`, () => {
      assert.strictEqual(provesDead(before, now, local), proof)
    })
  }
  it("nothing known about this machine proves nothing", () => {
    assert.isFalse(provesDead({ ...held, boot: "" }, { ...now, boot: "" }, true))
    assert.isFalse(provesDead({ ...held, boot: "b1", hardware: "" }, { ...now, hardware: "" }, true))
  })
})
