/** logCopies: how a text that came in chunks, some of them twice, differs from its original. */

export interface Difference {
  /** Characters of the original that are not there. */
  readonly missing: number
  /** Characters that are there once more. */
  readonly extra: number
  /** How often the text goes back to something that it had already. */
  readonly copies: number
  /** Characters that are nowhere in the original. */
  readonly foreign: number
}

/** So much of a text says where in the original it comes from: more than a line has in common with any other. */
const telling = 160

/** So much of a line's end tells it where the line is shorter than that. */
const least = 40

/**
 * Walks along both; where they part, looks for the place in the original that goes on as the text does. What is passed
 * over is missing only if it comes nowhere else: a request that a network delivers late puts its chunk behind later ones.
 */
export const compareLogs = (original: string, text: string): Difference => {
  const there = new Uint8Array(original.length)
  let [at, extra, copies, foreign] = [0, 0, 0, 0]
  const take = () => {
    extra += there[at] ?? 0
    there[at++] = 1
  }
  for (let here = 0; here < text.length; here++) {
    if (text[here] === original[at]) {
      take()
      continue
    }
    const next = text.slice(here, here + telling)
    // A copy that is shorter than that ends a line before something else begins, such as the same copy again.
    const line = next.slice(0, next.indexOf("\n") + 1)
    const places = [next, ...(line.length < least ? [] : [line])].flatMap((part) => [
      at > 0 ? original.lastIndexOf(part, at - 1) : -1,
      original.indexOf(part, at)
    ])
    const found = places.find((place) => place >= 0) ?? -1
    if (found < 0) {
      foreign++
      continue
    }
    if (there[found] === 1) copies++
    // What a copy's end has in common with the place after the jump was given to the copy.
    for (let i = 1; extra > 0 && there[found - i] === 0 && original[found - i] === text[here - i]; i++) {
      there[found - i] = 1
      extra--
    }
    at = found
    take()
  }
  return { missing: there.reduce((sum, each) => sum - each, original.length), extra, copies, foreign }
}
