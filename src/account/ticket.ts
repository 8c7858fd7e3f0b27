/** Who a ticket stands for; `anybody` where no login is configured. */
export type TicketHolder = { readonly sessionId: string } | { readonly keyId: number } | "anybody";

/** A ticket opens a connection within this time. */
export const TICKET_TTL_MS = 30_000;

/** Where tickets are kept: each opens one connection, within 30 s. All throw StorageError. */
export interface TicketStore {
  /** `id` is the hash of its secret, in hex; `expiresAt` in ms since the epoch. */
  create(
    ticket: { readonly id: string; readonly holder: TicketHolder; readonly expiresAt: number },
  ): Promise<void>;
  /** The holder, once: of two who come with the same ticket one gets it. */
  consume(id: string): Promise<TicketHolder | undefined>;
  /** Forgets those that have expired. */
  deleteExpired(): Promise<number>;
}
