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

/** Walks along both; where they part, looks for the place in the original that goes on as the text does. */
export const compareLogs = (original: string, text: string): Difference => {
  let [at, missing, extra, copies, foreign] = [0, 0, 0, 0, 0]
  for (let here = 0; here < text.length; here++) {
    if (text[here] === original[at]) {
      at++
      continue
    }
    const next = text.slice(here, here + telling)
    const back = original.lastIndexOf(next, at - 1)
    const ahead = original.indexOf(next, at)
    if (back >= 0 && at > 0) {
      copies++
      extra += at - back
      at = back + 1
    } else if (ahead >= 0) {
      missing += ahead - at
      at = ahead + 1
    } else foreign++
  }
  return { missing: missing + original.length - at, extra, copies, foreign }
}
