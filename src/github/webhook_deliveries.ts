import { z } from "zod";
import {
  type DeliveryAttempt,
  type DeliveryAttemptSource,
  type FailedDelivery,
  findUndelivered,
} from "../delivery/redelivery.ts";
import { GitHubError } from "../errors.ts";
import { log } from "../log.ts";
import type { GitHub } from "./client.ts";
import { parseFullName } from "./repository.ts";
import { ResponseCache } from "./response_cache.ts";
import { RECEIVER_PATH } from "./webhook.ts";

/** The path of the webhook endpoint and its alias. */
const RECEIVER_PATHS = [RECEIVER_PATH, "/api/webhooks/github"];

/** Few, because only the first pages are requested again. */
const MAX_CACHED_PAGES = 10;

/** https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks */
const webhookSchema = z.object({
  id: z.int(),
  config: z.object({ url: z.string().nullish() }).nullish(),
}).transform(({ id, config }) => ({ id, url: config?.url ?? "" }));

/** https://docs.github.com/en/rest/apps/webhooks#get-a-webhook-configuration-for-an-app */
const webhookConfigSchema = z.object({ url: z.string().nullish() }).transform(({ url }) =>
  url ?? ""
);

/**
 * https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook. Octokit
 * returns ids above the safe integers as bigint.
 */
const deliveryAttemptSchema = z.object({
  id: z.union([z.int(), z.bigint()]),
  guid: z.string(),
  delivered_at: z.iso.datetime({ offset: true }),
  status_code: z.int(),
  event: z.string(),
  action: z.string().nullish(),
}).transform((attempt): Omit<DeliveryAttempt, "webhook"> => ({
  guid: attempt.guid,
  id: String(attempt.id),
  event: attempt.event,
  action: attempt.action ?? null,
  deliveredAt: Date.parse(attempt.delivered_at),
  // GitHub does not follow redirects, so a redirect is a failure.
  succeeded: attempt.status_code >= 200 && attempt.status_code < 300,
}));

type WebhookRef = DeliveryAttempt["webhook"];

interface GitHubWebhookDeliveriesOptions {
  readonly github: GitHub;
  /** Repositories (`owner/name`) whose webhooks are checked with a token. An App has one webhook for all repositories. */
  readonly repositories: () => readonly string[];
  /** The public URL of this server; without it, all webhooks of any Runwire server are included. */
  readonly publicUrl?: string;
}

/**
 * Lists and repeats the deliveries of Runwire's webhooks: of the App's webhook with an App credential, otherwise of repository
 * webhooks, for which the token needs the permission to manage webhooks.
 */
export class GitHubWebhookDeliveries implements DeliveryAttemptSource {
  readonly #github: GitHub;
  readonly #repositories: () => readonly string[];
  readonly #receiverUrls: readonly string[];
  readonly #webhooks = new ResponseCache(z.array(webhookSchema));
  readonly #config = new ResponseCache(webhookConfigSchema);
  readonly #deliveries = new ResponseCache(z.array(deliveryAttemptSchema), MAX_CACHED_PAGES);
  #skippedRepositories: readonly string[] = [];

  constructor({ github, repositories, publicUrl }: GitHubWebhookDeliveriesOptions) {
    this.#github = github;
    this.#repositories = repositories;
    const base = publicUrl?.replace(/\/+$/, "") ?? "";
    this.#receiverUrls = RECEIVER_PATHS.map((path) => base + path);
  }

  /** The repositories whose webhooks were not accessible in the last `listFailed`. */
  get skippedRepositories(): readonly string[] {
    return this.#skippedRepositories;
  }

  async listFailed(since: number, signal: AbortSignal): Promise<readonly FailedDelivery[]> {
    const attempts: DeliveryAttempt[] = [];
    for (const webhook of await this.#findWebhooks(signal)) {
      attempts.push(...await this.#listAttempts(webhook, { since, signal }));
    }
    return findUndelivered(attempts);
  }

  async redeliver({ webhook, id }: FailedDelivery, signal: AbortSignal): Promise<void> {
    const { path, parameters, asApp } = toDeliveriesRequest(webhook);
    await this.#github.post(`${path}/{delivery_id}/attempts`, {
      parameters: { ...parameters, delivery_id: id },
      asApp,
      signal,
    });
  }

  async #findWebhooks(signal: AbortSignal): Promise<readonly WebhookRef[]> {
    this.#skippedRepositories = [];
    if (this.#github.isInstallation) {
      const options = { asApp: true, signal };
      const { value: url } = await this.#github.get(this.#config, "/app/hook/config", options);
      return this.#isReceiverUrl(url) ? [null] : [];
    }
    const webhooks: WebhookRef[] = [];
    for (const repository of this.#repositories()) {
      for (const { id, url } of await this.#listWebhooks(repository, signal)) {
        if (this.#isReceiverUrl(url)) webhooks.push({ repository, id });
      }
    }
    return webhooks;
  }

  async #listWebhooks(repository: string, signal: AbortSignal) {
    try {
      return await this.#github.list(this.#webhooks, "/repos/{owner}/{repo}/hooks", {
        parameters: parseFullName(repository),
        count: Infinity,
        signal,
      });
    } catch (error) {
      if (!(error instanceof GitHubError) || error.failure.kind !== "not_accessible") throw error;
      log("github").warn(
        "Cannot list the webhooks of {repository}: the token lacks permission to manage webhooks",
        {
          repository,
        },
      );
      this.#skippedRepositories = [...this.#skippedRepositories, repository];
      return [];
    }
  }

  /** Latest first, back to `since`. */
  async #listAttempts(
    webhook: WebhookRef,
    { since, signal }: { readonly since: number; readonly signal: AbortSignal },
  ): Promise<readonly DeliveryAttempt[]> {
    const attempts: DeliveryAttempt[] = [];
    const { path, parameters, asApp } = toDeliveriesRequest(webhook);
    for await (
      const page of this.#github.pages(this.#deliveries, path, { parameters, asApp, signal })
    ) {
      attempts.push(
        ...page.filter(({ deliveredAt }) => deliveredAt >= since).map((attempt) => ({
          ...attempt,
          webhook,
        })),
      );
      if (page.some(({ deliveredAt }) => deliveredAt < since)) break;
    }
    return attempts;
  }

  #isReceiverUrl(url: string): boolean {
    return this.#receiverUrls.some((receiver) => url.endsWith(receiver));
  }
}

/** The path of the deliveries of a webhook, and the required credential. */
function toDeliveriesRequest(webhook: WebhookRef) {
  if (webhook === null) return { path: "/app/hook/deliveries", parameters: {}, asApp: true };
  return {
    path: "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries",
    parameters: { ...parseFullName(webhook.repository), hook_id: webhook.id },
    asApp: false,
  };
}
