/** until: waits for what a SubscriptionRef holds. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** Waits for a value that fits. It looks first: a subscription costs much more, and most often the look is enough. */
export const until = <A>(ref: SubscriptionRef.SubscriptionRef<A>, predicate: (value: A) => boolean) =>
  SubscriptionRef.get(ref).pipe(
    Effect.filterOrElse(predicate, () =>
      SubscriptionRef.changes(ref).pipe(
        Stream.filter(predicate),
        Stream.runHead,
        Effect.map(Option.getOrThrow)
      )
    )
  )
