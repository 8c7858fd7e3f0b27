/** Why GitHub failed a request; each kind needs another reaction (run/github_rate_limit.ts). Times in ms since the epoch. */
export type GitHubFailure =
  /** A primary or secondary rate limit; `retryAt` only if GitHub sent it. */
  | { readonly kind: "rate_limited"; readonly retryAt?: number }
  /** The credential is invalid (401), or has no permission at all. */
  | { readonly kind: "unauthorized" }
  /** The requested resource alone is not accessible: 404, 403 or 451. */
  | { readonly kind: "not_accessible"; readonly status: number }
  /** 5xx, a network error, a timeout, or a response that is not GitHub's; 422 if GitHub rejects this kind of request. */
  | { readonly kind: "unavailable"; readonly status?: 422 };

/** Whether the failure affects every request, not only the requested resource. */
export function isGlobal({ kind }: GitHubFailure): boolean {
  return kind === "rate_limited" || kind === "unauthorized";
}

/** A request to GitHub failed. The message never contains a credential. */
export class GitHubError extends Error {
  override readonly name = "GitHubError";

  constructor(readonly failure: GitHubFailure, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A request that was not sent, because GitHub asked for a pause or the rest of the rate limit is reserved. */
export class GitHubPausedError extends GitHubError {
  /** @param until the end of the pause, in ms since the epoch */
  constructor(readonly until: number, failure: GitHubFailure, message: string) {
    super(failure, message);
  }
}

/** Why a store failed: it is unreachable or busy (retry later), its disk is full, or its data is corrupt. */
export type StorageErrorKind = "unavailable" | "full" | "corrupt";

/** A read or write failed; nothing was written. The message never contains a credential. */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(readonly kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Whether GitHub or the storage failed, so that background work can retry later; any other error is a bug. */
export function isTransient(error: unknown): error is GitHubError | StorageError {
  return error instanceof GitHubError || error instanceof StorageError;
}

/** Invalid input of the user of the command line: one line with the problem and the expected value. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Returns the message of any thrown value. */
export function toErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
