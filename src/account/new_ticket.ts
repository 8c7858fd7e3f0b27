import type { Clock } from "../clock.ts";
import type { Caller } from "./caller.ts";
import { hashOf, newToken, type RandomBytes } from "./secret.ts";
import { TICKET_MS, type TicketHolder, type TicketStore } from "./ticket.ts";

/**
 * Makes a ticket that stands for the caller once, within 30 s; `expiresAt` in ms since the epoch.
 * @throws {StorageError}
 */
export async function issueTicket(
  caller: Caller,
  { tickets, clock, random }: {
    readonly tickets: Pick<TicketStore, "create">;
    readonly clock: Clock;
    readonly random: RandomBytes;
  },
): Promise<{ readonly ticket: string; readonly expiresAt: number }> {
  const ticket = newToken(random);
  const expiresAt = clock.now() + TICKET_MS;
  await tickets.create({ id: hashOf(ticket), holder: holderOf(caller), expiresAt });
  return { ticket, expiresAt };
}

function holderOf({ session, key }: Caller): TicketHolder {
  if (session) return { sessionId: session.id };
  return key ? { keyId: key.id } : "anybody";
}
