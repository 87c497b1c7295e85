/** splitCommand: a command line into words, as Python's `shlex.split` does it for Airflow's `…_CMD` settings. */

/** The words, or one clause that says what is wrong. No variable, glob or operator of a shell has a meaning here. */
export const splitCommand = (line: string): ReadonlyArray<string> | string => {
  const words: Array<string> = []
  let word: string | undefined
  let quote: string | undefined
  for (let index = 0; index < line.length; index++) {
    const letter = line.charAt(index)
    if (letter === "\\" && quote !== "'") {
      const next = line[++index]
      if (next === undefined) return "the command ends in a backslash"
      // Inside double quotes a backslash takes effect only before itself and before the quote.
      word = (word ?? "") + (quote === '"' && next !== '"' && next !== "\\" ? `\\${next}` : next)
    } else if (quote !== undefined) {
      if (letter === quote) quote = undefined
      else word = (word ?? "") + letter
    } else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ""
    } else if (/[ \t\r\n]/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? "") + letter
    }
  }
  if (quote !== undefined) return `the command has a ${quote} without its partner`
  if (word !== undefined) words.push(word)
  return words.length === 0 ? "the command is empty" : words
}
