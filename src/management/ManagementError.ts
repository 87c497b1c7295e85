/** ManagementError: why the site did not do what a management command asked for. */
import * as Schema from "effect/Schema"

/** One error, sorted by what a person has to do about it. No token and no password is in its text. */
export class ManagementFailed extends Schema.TaggedError<ManagementFailed>()("ManagementFailed", {
  /**
   * - `unreachable`: no proper answer came; the change may or may not have been made where it was on its way
   * - `credentials`: no credential, a refused one, or one that may not do this
   * - `unknownWorker`: the site has no worker of that name
   * - `refused`: the site's rules do not allow it, in its own words
   */
  why: Schema.Literals(["unreachable", "credentials", "unknownWorker", "refused"]),
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** A failure and its reason. */
export const managementFailed = (why: ManagementFailed["why"], reason: string) =>
  new ManagementFailed({ why, reason })
