import type { Clock } from "../clock.ts";
import { generateToken, type RandomBytes, sha256Hex } from "./crypto.ts";
import type { Principal } from "./principal.ts";

/** The principal behind a ticket; `anonymous` if no login is configured. */
export type TicketHolder =
  | { readonly sessionId: string }
  | { readonly keyId: number }
  | "anonymous";

export const TICKET_TTL_MS = 30_000;

/** Stores tickets: each opens one connection within 30 s. All methods throw StorageError. */
export interface TicketStore {
  /** `id` is the hash of the secret, in hex; `expiresAt` in ms since the epoch. */
  create(
    ticket: { readonly id: string; readonly holder: TicketHolder; readonly expiresAt: number },
  ): Promise<void>;
  /** Deletes the ticket and returns its holder: single-use, also under concurrent calls. */
  consume(id: string): Promise<TicketHolder | undefined>;
  /** Returns how many were deleted. */
  deleteExpired(): Promise<number>;
}

/**
 * Creates a single-use ticket for the principal, valid for 30 s; `expiresAt` in ms since the epoch.
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
  return key ? { keyId: key.id } : "anonymous";
}
