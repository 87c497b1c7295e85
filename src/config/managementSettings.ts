/** managementSettings: the keys that the management commands read besides the site's address and certificates. */
import type { Setting } from "./settings.ts"
import { httpUrl, optional, secret, text } from "./settingTypes.ts"

const own = <A>(
  key: string,
  type: Setting<A>["type"],
  sentence: string,
  more: Pick<Setting<A>, "secret"> = {}
): Setting<A> => ({ section: "edge_worker", key, default: undefined, type, sentence, ...more })

/** A worker does not read them: it never holds what may manage others. */
export const managementSettings = {
  managementUrl: own(
    "management_url",
    optional(httpUrl),
    "The site's address for people and the management commands; without it, [edge] api_url without its edge_worker/v1/rpcapi."
  ),
  managementToken: own(
    "management_token",
    optional(secret),
    "The token of the management commands, as the site's /auth/token gives it.",
    { secret: true }
  ),
  managementUser: own(
    "management_user",
    optional(text),
    "The user of the management commands where no token is set; needs management_password."
  ),
  managementPassword: own(
    "management_password",
    optional(secret),
    "The password of management_user, exchanged for a token at the site's /auth/token.",
    { secret: true }
  )
}
