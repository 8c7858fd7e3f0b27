/** What of a title is searched, in characters. */
const SEARCHED = 500;

/** The words of a title, or of what is looked for in titles: letters and digits; everything else stands between words. */
export function titleWords(text: string): readonly string[] {
  return text.slice(0, SEARCHED).match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
}

/** Whether each of `words` begins a word of the title, in any case. */
export function isTitled(title: string, words: readonly string[]): boolean {
  const known = titleWords(title.toLowerCase());
  return words.every((word) => known.some((each) => each.startsWith(word.toLowerCase())));
}
