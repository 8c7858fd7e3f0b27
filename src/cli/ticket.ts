import { z } from "zod";
import { toErrorMessage } from "../errors.ts";

const TICKET = z.object({ ticket: z.string() });
const PROBLEM = z.object({ detail: z.string() });

/**
 * Exchanges the key for a single-use ticket at the same server (`…/api/v1/tickets` next to `…/ws`) and adds it to the socket
 * URL. On failure returns the reason, which never contains the key.
 */
export async function addTicket(
  socketUrl: string,
  { key, signal }: { readonly key: string; readonly signal: AbortSignal },
): Promise<{ readonly url: string } | { readonly reason: string }> {
  const url = new URL(socketUrl);
  try {
    const response = await fetch(toTicketsUrl(url), {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      redirect: "error",
      signal,
    });
    const body: unknown = await response.json();
    if (!response.ok) {
      const { data } = PROBLEM.safeParse(body);
      return { reason: data?.detail ?? `The server responded with status ${response.status}` };
    }
    url.searchParams.set("ticket", TICKET.parse(body).ticket);
    return { url: url.href };
  } catch (error) {
    return { reason: `Cannot get a ticket from ${url.host} (${toErrorMessage(error)})` };
  }
}

function toTicketsUrl({ protocol, host, pathname }: URL): string {
  const base = pathname.replace(/\/[^/]*$/, "");
  return `${protocol.replace(/^ws/, "http")}//${host}${base}/api/v1/tickets`;
}
