/** What of a title is searched, in characters. */
const MAX_SEARCHED_CHARACTERS = 500;

/** The words of a title, or of what is looked for in titles: letters and digits; everything else stands between words. */
export function tokenizeTitle(text: string): readonly string[] {
  return text.slice(0, MAX_SEARCHED_CHARACTERS).match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
}

/** Whether each of `words` begins a word of the title, in any case. */
export function titleMatches(title: string, words: readonly string[]): boolean {
  const titleTokens = tokenizeTitle(title.toLowerCase());
  return words.every((word) => titleTokens.some((each) => each.startsWith(word.toLowerCase())));
}
