import { StorageError } from "../errors.ts";

/** One holder's time with the lease. */
export interface Term {
  /** An instance, by a name that no other has or had. */
  readonly holder: string;
  /** Higher than that of every term before. */
  readonly fencingToken: number;
}

/** Decides which instance polls: one at a time, for as long as it says again and again that it is there. */
export interface Lease {
  /**
   * Takes the lease for `ttlMs`, when nobody else has it. Returns a fence above every one before, and above `above`;
   * `undefined` when another one has it. Throws what its service throws, as the others do.
   */
  acquire(
    holder: string,
    options: { readonly ttlMs: number; readonly above: number },
  ): Promise<number | undefined>;
  /** Has it for another `ttlMs` from now on; `false` when the holder has it no longer. */
  renew(holder: string, options: { readonly ttlMs: number }): Promise<boolean>;
  /** Gives it back; does nothing for one who does not have it. */
  release(holder: string): Promise<void>;
}

/** Where the last term is kept beside what is written in it, so that one that is over can write nothing. */
export interface FencingTokens {
  /** The fence of the last term; 0 before the first. */
  current(): Promise<number>;
  /** From now on this term writes, and none before. `false` when a later one does already. */
  advance(term: Term): Promise<boolean>;
}

/** The lease has another holder: nothing was written. */
export class StaleFencingTokenError extends StorageError {
  constructor() {
    super("unavailable", "Another instance polls now: what this one asked for is not kept");
  }
}
