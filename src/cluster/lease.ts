import { StorageError } from "../errors.ts";

/** One period in which an instance holds the lease. */
export interface Term {
  /** A name that is unique to this term. */
  readonly holder: string;
  /** Greater than that of every earlier term. */
  readonly fencingToken: number;
}

/** A lease that one instance holds at a time, until it expires. All methods throw the errors of the service behind it. */
export interface Lease {
  /**
   * Acquires the lease for `ttlMs`. Returns a fencing token greater than all earlier ones and `above`, or `undefined` if another
   * instance holds the lease.
   */
  acquire(
    holder: string,
    options: { readonly ttlMs: number; readonly above: number },
  ): Promise<number | undefined>;
  /** Extends the lease to `ttlMs` from now. Returns `false` if `holder` no longer holds it. */
  renew(holder: string, options: { readonly ttlMs: number }): Promise<boolean>;
  /** Releases the lease; does nothing if `holder` does not hold it. */
  release(holder: string): Promise<void>;
}

/** Stores the last term beside the data, so that an earlier term can no longer write. */
export interface FencingTokens {
  /** The fencing token of the last term; 0 before the first. */
  current(): Promise<number>;
  /** Revokes the write access of all earlier terms. Returns `false` if a later term exists. */
  advance(term: Term): Promise<boolean>;
}

/** Another instance is the leader; nothing was written. */
export class StaleFencingTokenError extends StorageError {
  constructor() {
    super("unavailable", "Another instance is the leader now; the write was rejected");
  }
}
