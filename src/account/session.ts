import { DAY_MS } from "../clock.ts";
import type { User } from "./user.ts";

/** A session ends after this time without use. */
export const SESSION_IDLE_TIMEOUT_MS = 7 * DAY_MS;
/** The maximum lifetime of a session, regardless of its use. */
export const SESSION_MAX_AGE_MS = 30 * DAY_MS;

/** A signed-in browser. Its token is a secret of 256 random bits; only the hash is stored. Times are in ms since the epoch. */
export interface Session {
  /** The hash of the token, in hex. */
  readonly id: string;
  readonly user: User;
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

/** Stores sessions. All methods throw StorageError. */
export interface SessionStore {
  create(session: { readonly id: string; readonly userId: number }): Promise<void>;
  /** Returns the session unless it has ended or expired. Stores the time of use, at most once a minute. */
  find(id: string): Promise<Session | undefined>;
  /** Returns its user and how many sessions the user has left; `undefined` for an unknown session. */
  end(id: string): Promise<{ readonly userId: number; readonly remaining: number } | undefined>;
  /** Ends all sessions of a user. Returns how many were ended. */
  endAll(userId: number): Promise<number>;
  /** Returns how many were deleted. */
  deleteExpired(): Promise<number>;
}
