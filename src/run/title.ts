/** The words of a title, or of what is looked for in titles: letters and digits, everything else stands between words. */
export function titleWords(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [];
}
