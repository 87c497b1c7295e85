/** attemptMasker: a masker for one attempt by the worker's settings, which knows the worker's own secret from the start. */
import * as Redacted from "effect/Redacted"
import type { EdgeSettings } from "../../config/EdgeConfig.ts"
import { type SecretsMasker, secretsMasker } from "./SecretsMasker.ts"

/** Fresh for each attempt. The task's token needs no mention: it is hidden by its form. */
export const attemptMasker = (
  settings: Pick<
    EdgeSettings,
    "hideSensitiveVarConnFields" | "sensitiveVarConnNames" | "minLengthMaskedSecret" | "jwtSecret"
  >
): SecretsMasker => {
  const masker = secretsMasker({
    hideSensitiveFields: settings.hideSensitiveVarConnFields,
    sensitiveNames: settings.sensitiveVarConnNames,
    minLength: settings.minLengthMaskedSecret
  })
  masker.add(Redacted.value(settings.jwtSecret))
  return masker
}
