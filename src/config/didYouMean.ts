/** didYouMean: the known word that a mistyped one is nearest to. */

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The nearest known word, or `undefined` where none is near: at most a third of its letters may differ. */
export const didYouMean = (word: string, known: Iterable<string>): string | undefined => {
  let best: { readonly name: string; readonly away: number } | undefined
  for (const name of known) {
    const away = distance(word.toLowerCase(), name)
    if (away <= Math.max(1, Math.floor(name.length / 3)) && away < (best?.away ?? Infinity))
      best = { name, away }
  }
  return best?.name
}
