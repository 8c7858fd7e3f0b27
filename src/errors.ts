/** How GitHub refuses a request; each kind asks for another reaction (run/pace.ts). Times in ms since the epoch. */
export type GitHubFailure =
  /** A primary or secondary rate limit; `retryAt` only where GitHub said when. */
  | { readonly kind: "rate_limited"; readonly retryAt?: number }
  /** The credential is not accepted (401), or may not do this at all. */
  | { readonly kind: "unauthorized" }
  /** This one thing cannot be had: 404, 403 or 451. */
  | { readonly kind: "not_accessible"; readonly status: number }
  /** 5xx, a network fault, a time-out, or an answer that is not GitHub's; 422 tells that it takes no such request. */
  | { readonly kind: "unavailable"; readonly status?: 422 };

/** Whether the reason holds for every request, and not for one thing that was asked for. */
export function isGlobal({ kind }: GitHubFailure): boolean {
  return kind === "rate_limited" || kind === "unauthorized";
}

/** GitHub did not do what was asked. The message never holds a credential. */
export class GitHubError extends Error {
  override readonly name = "GitHubError";

  constructor(readonly failure: GitHubFailure, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** How a store fails: it cannot be reached or is busy (again later), its disk is full, or its data is damaged. */
export type StorageErrorKind = "unavailable" | "full" | "corrupt";

/** What was asked could not be read or kept; nothing of it was. The message never holds a credential. */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(readonly kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The user asked for something that cannot be: one line that says what, and what is allowed. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The words of anything that was thrown. */
export function toErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
