import { z } from "zod";
import { GitHubError, toErrorMessage } from "../errors.ts";
import type { Webhooks, WebhookState } from "../repository/webhook.ts";
import type { GitHubClient } from "./github_client.ts";
import { parseFullName } from "./repository.ts";
import { ResponseCache } from "./response_cache.ts";

/** The events of the webhooks that Runwire creates: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const EVENTS = ["workflow_run", "workflow_job", "issues", "repository", "member", "team_add"];
/** The path of the webhook endpoint, below the public URL. */
export const RECEIVER_PATH = "/api/v1/webhook/github";
const WEBHOOKS_PATH = "/repos/{owner}/{repo}/hooks";
/** GitHub's times are in seconds, and its clock may be behind. */
const MAX_CLOCK_SKEW_MS = 60_000;

/** https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks */
const webhookSchema = z.object({
  id: z.int(),
  created_at: z.iso.datetime({ offset: true }),
  config: z.object({ url: z.string().nullish() }).nullish(),
}).transform(({ id, created_at, config }) => ({
  id,
  createdAt: Date.parse(created_at),
  url: config?.url ?? "",
}));
type ListedWebhook = z.infer<typeof webhookSchema>;

const createdWebhookSchema = z.object({ id: z.int() }).transform(({ id }) => id);

interface GitHubWebhooksOptions {
  readonly github: GitHubClient;
  /** The public URL of this server; without it no webhook is created. */
  readonly publicUrl: string | undefined;
  /** The secret that signs deliveries; without it no webhook is created. */
  readonly secret: string | undefined;
}

/** Creates and removes repository webhooks: https://docs.github.com/en/rest/repos/webhooks */
export class GitHubWebhooks implements Webhooks {
  readonly #options: GitHubWebhooksOptions;
  readonly #lists = new ResponseCache(z.array(webhookSchema));
  readonly #created = new ResponseCache(createdWebhookSchema);

  constructor(options: GitHubWebhooksOptions) {
    this.#options = options;
  }

  async ensure(
    fullName: string,
    { since, signal }: { readonly since: number; readonly signal: AbortSignal },
  ): Promise<WebhookState> {
    const { github, publicUrl, secret } = this.#options;
    if (publicUrl === undefined || secret === undefined) {
      return withoutWebhook("Set PUBLIC_URL and GITHUB_WEBHOOK_SECRET to create a webhook");
    }
    if (github.isInstallation) return withoutWebhook("Covered by the webhook of the GitHub App");
    const url = publicUrl.replace(/\/+$/, "") + RECEIVER_PATH;
    try {
      // May have been created by a process that stopped before it stored the id.
      const existing = await this.#find(fullName, { url, signal });
      if (existing) return toWebhookState(existing, since);
      return { state: "active", id: await this.#create(fullName, { url, secret, signal }) };
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const { failure } = error;
      if (failure.kind === "not_accessible") {
        return withoutWebhook(
          `The credential may not manage webhooks: ${toErrorMessage(error)}`,
        );
      }
      if (failure.kind === "unavailable" && failure.status === 422) {
        return withoutWebhook(`GitHub rejected the webhook: ${toErrorMessage(error)}`);
      }
      throw error;
    }
  }

  async remove(fullName: string, id: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.github.delete(`${WEBHOOKS_PATH}/{hook_id}`, {
        parameters: { ...parseFullName(fullName), hook_id: id },
        signal,
      });
    } catch (error) {
      const isGone = error instanceof GitHubError && error.failure.kind === "not_accessible" &&
        error.failure.status === 404;
      if (!isGone) throw error;
    }
  }

  async #find(
    fullName: string,
    { url, signal }: { readonly url: string; readonly signal: AbortSignal },
  ): Promise<ListedWebhook | undefined> {
    const webhooks = await this.#options.github.list(this.#lists, WEBHOOKS_PATH, {
      parameters: parseFullName(fullName),
      count: Infinity,
      signal,
    });
    return webhooks.find((webhook) => webhook.url === url);
  }

  async #create(
    fullName: string,
    { url, secret, signal }: {
      readonly url: string;
      readonly secret: string;
      readonly signal: AbortSignal;
    },
  ): Promise<number> {
    const response = await this.#options.github.post(WEBHOOKS_PATH, {
      parameters: {
        ...parseFullName(fullName),
        name: "web",
        active: true,
        events: EVENTS,
        config: { url, secret, content_type: "json", insecure_ssl: "0" },
      },
      signal,
    });
    return this.#created.parse(response);
  }
}

/** Runwire did not create a webhook that existed before the follow, and must not remove it. */
function toWebhookState({ id, createdAt }: ListedWebhook, since: number): WebhookState {
  if (createdAt >= since - MAX_CLOCK_SKEW_MS) return { state: "active", id };
  return withoutWebhook(
    "A webhook with this URL already exists; Runwire uses it and never removes it",
  );
}

function withoutWebhook(reason: string): WebhookState {
  return { state: "none", reason };
}
