/** embedded: what runs an embedded central; a bundle of its own, loaded when one of its commands is asked for. */
import * as Central from "./runCentral.ts"
import * as CentralUser from "./runCentralUser.ts"
import * as Standalone from "./runStandalone.ts"

export const { runCentral } = Central
export const { runCentralUser } = CentralUser
export const { runStandalone } = Standalone
