/** The visibility of a client with full access. */
export function allVisible(): Promise<"all"> {
  return Promise.resolve("all");
}
