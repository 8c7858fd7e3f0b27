/** The webhook of a followed repository. */
export type WebhookState =
  /** Created by Runwire, and removed when the repository is unfollowed. */
  | { readonly state: "active"; readonly id: number }
  /** Runwire has no webhook there, and polls the repository; `reason` says why. */
  | { readonly state: "none"; readonly reason: string };

/** Manages Runwire's webhooks of repositories. */
export interface Webhooks {
  /**
   * Creates a webhook, unless that is impossible. A webhook with the same URL that was created since `since` (the time of
   * the follow, in ms since the epoch) is used instead: Runwire created it and stopped before it stored the id.
   * @throws {GitHubError} `rate_limited`, `unauthorized` or `unavailable`
   */
  ensure(
    fullName: string,
    options: { readonly since: number; readonly signal: AbortSignal },
  ): Promise<WebhookState>;
  /**
   * Removes a webhook. Succeeds if it does not exist.
   * @throws {GitHubError} `not_accessible` when the credential may not remove it
   */
  remove(fullName: string, id: number, signal: AbortSignal): Promise<void>;
}
