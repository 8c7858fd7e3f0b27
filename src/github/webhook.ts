import { z } from "zod";
import { GitHubError, toErrorMessage } from "../errors.ts";
import type { WebhookState } from "../repository/catalog.ts";
import type { Webhooks } from "../repository/webhook.ts";
import { ResponseCache } from "./response_cache.ts";
import type { GitHubClient } from "./github_client.ts";
import { parseFullName } from "./repository.ts";

/** What a webhook of ours tells: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const EVENTS = ["workflow_run", "workflow_job", "issues", "repository", "member", "team_add"];
const RECEIVER_PATH = "/api/v1/webhook/github";
const WEBHOOKS_PATH = "/repos/{owner}/{repo}/hooks";
/** GitHub counts in seconds, and its clock may be behind ours. */
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

export interface GitHubWebhooksOptions {
  readonly github: GitHubClient;
  /** Where GitHub reaches us; without it no webhook is created. */
  readonly publicUrl: string | undefined;
  /** What deliveries are signed with; without it no webhook is created. */
  readonly secret: string | undefined;
}

/** The webhooks that we create at repositories: https://docs.github.com/en/rest/repos/webhooks */
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
      return withoutWebhook("Set PUBLIC_URL and GITHUB_WEBHOOK_SECRET, and one is created");
    }
    if (github.isInstallation) return withoutWebhook("The webhook of the GitHub App serves it");
    const url = publicUrl.replace(/\/+$/, "") + RECEIVER_PATH;
    try {
      // One that we created, and died before we could keep its id.
      const existing = await this.#find(fullName, { url, signal });
      if (existing) return toWebhookState(existing, since);
      return { state: "active", id: await this.#create(fullName, { url, secret, signal }) };
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const { failure } = error;
      if (failure.kind === "not_accessible") {
        return withoutWebhook(
          `The credential may not administer webhooks: ${toErrorMessage(error)}`,
        );
      }
      if (failure.kind === "unavailable" && failure.status === 422) {
        return withoutWebhook(`GitHub takes no such webhook: ${toErrorMessage(error)}`);
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

/** A webhook that was there before we followed the repository is somebody else's, and not ours to remove. */
function toWebhookState({ id, createdAt }: ListedWebhook, since: number): WebhookState {
  if (createdAt >= since - MAX_CLOCK_SKEW_MS) return { state: "active", id };
  return withoutWebhook(
    "A webhook that leads here exists already; it is used, and never removed by us",
  );
}

function withoutWebhook(reason: string): WebhookState {
  return { state: "none", reason };
}
