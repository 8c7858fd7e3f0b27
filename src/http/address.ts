/**
 * Whose address counts as the caller's: that of the connection, or the one that the proxy before us says it has, which is the
 * last that X-Forwarded-For names. An IPv6 network of 64 bits, all of which one caller may have, counts as one address.
 * https://www.rfc-editor.org/rfc/rfc7239#section-8.1 says why no other entry can be believed.
 */
export function clientAddress(
  headers: Headers,
  { remote, isProxied }: { readonly remote: string; readonly isProxied: boolean },
): string {
  const forwarded = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return toNetwork(isProxied && forwarded && isAddress(forwarded) ? forwarded : remote);
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || URL.canParse(`http://[${text}]/`);
}

function toNetwork(address: string): string {
  const url = `http://[${address}]/`;
  if (!address.includes(":") || !URL.canParse(url)) return address;
  const [head = "", tail = ""] = new URL(url).hostname.slice(1, -1).split("::");
  const [first, last] = [head, tail].map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0");
  return `${[...first ?? [], ...zeros, ...last ?? []].slice(0, 4).join(":")}::/64`;
}
