import type { WebhookState } from "./catalog.ts";

/** The webhooks that we create at repositories. */
export interface Webhooks {
  /**
   * Has GitHub tell us of a repository, unless we cannot have that: then `reason` says why. A webhook of the same address
   * is ours when it was created since `since` (ms since the epoch), when we began to follow: we died before we kept its id.
   * @throws {RefusedError} when GitHub refuses for now: `limited`, `unauthorized` or `unavailable`
   */
  ensure(
    fullName: string,
    options: { readonly since: number; readonly signal: AbortSignal },
  ): Promise<WebhookState>;
  /**
   * Removes a webhook; one that is gone already is none to remove.
   * @throws {RefusedError} `missing` when the credential may not remove it
   */
  remove(fullName: string, id: number, signal: AbortSignal): Promise<void>;
}
