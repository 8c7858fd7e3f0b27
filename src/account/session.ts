import { DAY_MS } from "../clock.ts";
import type { User } from "./user.ts";

/** A session ends when it was not used for so long, */
export const SESSION_IDLE_TIMEOUT_MS = 7 * DAY_MS;
/** and when it is so old, however much it is used. */
export const SESSION_MAX_AGE_MS = 30 * DAY_MS;

/** A browser that is signed in. Its token is a secret of 256 random bits, of which the hash alone is kept. Times in ms. */
export interface Session {
  /** The hash of its token, in hex. */
  readonly id: string;
  readonly user: User;
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

/** Where sessions are kept. All throw StorageError. */
export interface SessionStore {
  create(session: { readonly id: string; readonly userId: number }): Promise<void>;
  /** The session, unless it has ended or expired; its use is noted, once a minute at the most. */
  find(id: string): Promise<Session | undefined>;
  /** Returns whose it was, and how many others that user has; `undefined` when there is no such session. */
  end(id: string): Promise<{ readonly userId: number; readonly remaining: number } | undefined>;
  /** Ends all sessions of a user; returns how many there were. */
  endAll(userId: number): Promise<number>;
  /** Forgets those that have expired. */
  deleteExpired(): Promise<number>;
}
