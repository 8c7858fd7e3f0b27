/** What a client may see to whom nothing is hidden. */
export function seesAll(): Promise<"all"> {
  return Promise.resolve("all");
}
