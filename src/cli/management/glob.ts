/** glob: shell patterns for names; the site's own filter knows only parts of a name. */

/** Whether a name is what a pattern with `*` and `?` describes, in the same case; its time grows with length times length. */
export const globMatches = (pattern: string): ((name: string) => boolean) => {
  const wanted = [...pattern]
  return (name) => {
    const given = [...name]
    let [at, seen] = [0, 0]
    // the last star, and the first character that it does not cover
    let [star, behind] = [-1, 0]
    while (seen < given.length) {
      if (wanted[at] === "*") {
        star = at++
        behind = seen
      } else if (wanted[at] === "?" || wanted[at] === given[seen]) {
        at++
        seen++
      } else if (star >= 0) {
        at = star + 1
        seen = ++behind
      } else return false
    }
    return wanted.slice(at).every((character) => character === "*")
  }
}

/**
 * The longest part of a pattern that each matching name contains, for the site's filter: it saves the transfer of the
 * others. `%`, `_` and `\` have a meaning there (SQL's LIKE, edge3 5.1.0), so no part has them.
 */
export const literalPart = (pattern: string): string | undefined => {
  const [longest = ""] = pattern.split(/[*?%_\\]/).sort((a, b) => b.length - a.length)
  return longest === "" ? undefined : longest
}
