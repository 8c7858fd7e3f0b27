/** What a client may see to whom nothing is hidden. */
export function allVisible(): Promise<"all"> {
  return Promise.resolve("all");
}
