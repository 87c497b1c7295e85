/** Asking: who the request being answered comes from; nobody, with no role, until a guard has looked. */
import * as Context from "effect/Context"
import type { Identity } from "./Accounts.ts"

export const Asking = Context.Reference<Identity>("edge-worker/central/Asking", {
  defaultValue: () => ({ name: "nobody", roles: new Set() })
})
