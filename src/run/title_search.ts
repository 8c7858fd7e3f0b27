/** Only the first characters of a title are searched. */
const MAX_SEARCHED_CHARACTERS = 500;

/** Splits a title or a search text into words of letters and digits; every other character is a separator. */
export function tokenizeTitle(text: string): readonly string[] {
  return text.slice(0, MAX_SEARCHED_CHARACTERS).match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
}

/** Whether each of `words` is a prefix of a word of the title, ignoring case. */
export function titleMatches(title: string, words: readonly string[]): boolean {
  const titleTokens = tokenizeTitle(title.toLowerCase());
  return words.every((word) => titleTokens.some((token) => token.startsWith(word.toLowerCase())));
}
