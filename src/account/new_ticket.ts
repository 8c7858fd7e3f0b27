import type { Clock } from "../clock.ts";
import type { Principal } from "./principal.ts";
import { generateToken, type RandomBytes, sha256Hex } from "./secret.ts";
import { TICKET_TTL_MS, type TicketHolder, type TicketStore } from "./ticket.ts";

/**
 * Makes a ticket that stands for the caller once, within 30 s; `expiresAt` in ms since the epoch.
 * @throws {StorageError}
 */
export async function issueTicket(
  principal: Principal,
  { tickets, clock, random }: {
    readonly tickets: Pick<TicketStore, "create">;
    readonly clock: Clock;
    readonly random: RandomBytes;
  },
): Promise<{ readonly ticket: string; readonly expiresAt: number }> {
  const ticket = generateToken(random);
  const expiresAt = clock.now() + TICKET_TTL_MS;
  await tickets.create({ id: sha256Hex(ticket), holder: toTicketHolder(principal), expiresAt });
  return { ticket, expiresAt };
}

function toTicketHolder({ session, key }: Principal): TicketHolder {
  if (session) return { sessionId: session.id };
  return key ? { keyId: key.id } : "anybody";
}
