/** shortFlags: lets a short flag be glued to its value (`-c4`, `-Dc4`), as Python's argparse does. */

/** Short flags that take a value; the others (-D -v -w -y -h) are switches and may stand before one. */
const valued = "cqtHluos"

const split = (word: string): ReadonlyArray<string> => {
  if (!/^-[A-Za-z]/.test(word)) return [word]
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at)
    if (!/[A-Za-z]/.test(letter)) return [word]
    if (!valued.includes(letter)) continue
    const value = word.slice(at + 1)
    return value === "" || value.startsWith("=") ? [word] : [word.slice(0, at + 1), value]
  }
  return [word]
}

/** The words with glued values taken apart; what stands after `--` stays as it is. */
export const separate = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const flags = end < 0 ? words : words.slice(0, end)
  return [...flags.flatMap(split), ...(end < 0 ? [] : words.slice(end))]
}
