import type { Clock } from "../../clock.ts";
import { log } from "../../log.ts";
import { toWebhookEvents, type WebhookEvent } from "./event_json.ts";
import {
  type Delivery,
  type DeliveryAttempt,
  sendDelivery,
  type Webhook,
  type WebhookFields,
} from "./webhook.ts";
import { webhookJson } from "./webhook_json.ts";
import type { WorldEvent } from "../world/scheduled_change.ts";
import { randomHex } from "../world/random.ts";
import type { Repository } from "../world/repository.ts";
import { repositoryJson } from "../repository_json.ts";
import { timestamp } from "../world/timestamp.ts";
import { type Origin, userJson } from "../user_json.ts";
import type { World } from "../world/world.ts";

const POLL_INTERVAL_MS = 250;
const MAX_QUEUED = 5_000;
const MAX_STORED_ATTEMPTS = 2_000;

/** Events every App receives: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const ALWAYS_SENT_TO_APPS = [
  "installation",
  "installation_repositories",
  "github_app_authorization",
];

/** The id before the first attempt; as long as GitHub's ids, which exceed the precision of a number. */
const LAST_ATTEMPT_ID = 3_842_091_948_768_772_096n;

interface QueuedDelivery {
  readonly webhook: Webhook;
  readonly delivery: Delivery;
  readonly redelivery: boolean;
}

/** The webhooks of repositories and of the app, and their deliveries. */
export class Webhooks {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #installation: number | undefined;
  readonly #origin: () => Origin;
  readonly #webhooks = new Map<number, Webhook>();
  /** By webhook id, latest first. */
  readonly #attempts = new Map<number, readonly DeliveryAttempt[]>();
  readonly #hiddenStatuses = new Map<string, 403 | 404>();
  readonly #queue: QueuedDelivery[] = [];
  #unsubscribe: (() => void) | undefined;
  #lastWebhookId = 403_129_838;
  #lastAttemptId = LAST_ATTEMPT_ID;

  constructor({ world, clock, random, installation, origin }: {
    readonly world: World;
    readonly clock: Clock;
    readonly random: () => number;
    /** The installation id of the app, part of its payloads. */
    readonly installation: number | undefined;
    readonly origin: () => Origin;
  }) {
    this.#world = world;
    this.#clock = clock;
    this.#random = random;
    this.#installation = installation;
    this.#origin = origin;
  }

  /** Adds a webhook to a repository; it receives later events. */
  add(fullName: string, fields: WebhookFields): Webhook {
    const repository = this.#world.repository(fullName);
    if (!repository) throw new Error(`Repository ${fullName} not found`);
    return this.#save({ ...fields, repository: repository.full_name });
  }

  /** Sets the only webhook of the app. */
  addToApp(fields: WebhookFields): Webhook {
    for (const { id } of this.list(null)) this.remove(id);
    return this.#save({ ...fields, repository: null });
  }

  remove(id: number): void {
    this.#webhooks.delete(id);
    this.#attempts.delete(id);
    if (this.#webhooks.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  /** The webhooks of a repository, or of the app (`null`), oldest first. */
  list(repository: string | null): readonly Webhook[] {
    return [...this.#webhooks.values()].filter((webhook) => webhook.repository === repository);
  }

  /** Hides the webhooks of a repository, as GitHub does without admin permission; `undefined` shows them again. */
  hide(fullName: string, status: 403 | 404 | undefined): void {
    if (status) this.#hiddenStatuses.set(fullName.toLowerCase(), status);
    else this.#hiddenStatuses.delete(fullName.toLowerCase());
  }

  hiddenStatus(fullName: string): 403 | 404 | undefined {
    return this.#hiddenStatuses.get(fullName.toLowerCase());
  }

  /** Every delivery attempt of a webhook, latest first. */
  deliveries(webhookId: number): readonly DeliveryAttempt[] {
    return this.#attempts.get(webhookId) ?? [];
  }

  /** Queues the delivery of an attempt again; returns whether the attempt exists. */
  redeliver(webhookId: number, attemptId: bigint): boolean {
    const webhook = this.#webhooks.get(webhookId);
    const delivery = this.deliveries(webhookId).find(({ id }) => id === attemptId);
    if (!webhook || !delivery) return false;
    this.#enqueue({ webhook, delivery, redelivery: true });
    return true;
  }

  /** Sends the event `ping`, as GitHub does for a new webhook. */
  ping(webhook: Webhook, repository: Repository): void {
    const origin = this.#origin();
    const payload = {
      zen: "Avoid administrative distraction.",
      hook_id: webhook.id,
      hook: webhookJson(webhook, origin),
      repository: repositoryJson(repository, origin),
      sender: userJson("octocat", origin),
    };
    this.#createDelivery(webhook, { event: "ping", action: null, payload }, {
      repository,
      guid: this.#createGuid(),
    });
  }

  /** Creates the deliveries of an event; events of the world are dispatched automatically. */
  dispatch(worldEvent: WorldEvent): void {
    const repository = "repository" in worldEvent ? worldEvent.repository : undefined;
    if (worldEvent.kind === "repository") {
      this.#followRename(worldEvent.from, worldEvent.repository);
    }
    const webhooks = [...repository ? this.list(repository.full_name) : [], ...this.list(null)];
    for (const event of toWebhookEvents(worldEvent, this.#origin())) {
      const guid = this.#createGuid();
      for (const webhook of webhooks) {
        if (webhook.active && isSubscribed(event, webhook)) {
          this.#createDelivery(webhook, event, { repository, guid });
        }
      }
    }
  }

  /** Sends queued deliveries one by one, and advances the world every 250 ms. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#world.advance();
      const next = this.#queue.shift();
      if (next) await this.#attemptDelivery(next, signal);
      else await this.#clock.sleep(POLL_INTERVAL_MS, signal);
    }
  }

  #save({ repository, ...fields }: WebhookFields & Pick<Webhook, "repository">): Webhook {
    const webhook: Webhook = {
      id: ++this.#lastWebhookId,
      repository,
      secret: null,
      events: ["push"],
      content_type: "json",
      active: true,
      created_at: timestamp(this.#clock.now()),
      ...fields,
    };
    this.#webhooks.set(webhook.id, webhook);
    this.#unsubscribe ??= this.#world.subscribe((worldEvent) => this.dispatch(worldEvent));
    return webhook;
  }

  /** Webhooks stay with a renamed repository. */
  #followRename(from: string | undefined, { full_name }: Repository): void {
    for (const webhook of from === undefined ? [] : this.list(from)) {
      this.#webhooks.set(webhook.id, { ...webhook, repository: full_name });
    }
  }

  #createDelivery(
    webhook: Webhook,
    { event, action, payload }: WebhookEvent,
    { repository, guid }: {
      readonly repository: Repository | undefined;
      readonly guid: string;
    },
  ): void {
    const isApp = webhook.repository === null && this.#installation !== undefined;
    const installation = isApp ? { installation: { id: this.#installation } } : {};
    const delivery: Delivery = {
      guid,
      event,
      action,
      repository_id: repository?.id ?? null,
      installation_id: isApp ? this.#installation ?? null : null,
      payload: JSON.stringify({ ...payload, ...installation }),
    };
    this.#enqueue({ webhook, delivery, redelivery: false });
  }

  #enqueue(item: QueuedDelivery): void {
    if (this.#queue.length < MAX_QUEUED) {
      this.#queue.push(item);
      return;
    }
    const { guid } = item.delivery;
    log("simulator").warn("Webhook queue is full; delivery {guid} dropped", { guid });
  }

  async #attemptDelivery(
    { webhook, delivery, redelivery }: QueuedDelivery,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.#webhooks.has(webhook.id)) return;
    const at = this.#clock.now();
    const outcome = await sendDelivery(webhook, delivery, { clock: this.#clock, signal });
    // A delivery aborted by the shutdown is not a failure.
    if (signal.aborted) return;
    const duration = (this.#clock.now() - at) / 1000;
    const id = ++this.#lastAttemptId;
    const attempt: DeliveryAttempt = { ...delivery, id, at, redelivery, duration, ...outcome };
    const previous = this.deliveries(webhook.id).slice(0, MAX_STORED_ATTEMPTS - 1);
    if (this.#webhooks.has(webhook.id)) this.#attempts.set(webhook.id, [attempt, ...previous]);
  }

  /** Formatted like a UUID. */
  #createGuid(): string {
    return [8, 4, 4, 4, 12].map((digits) => randomHex(this.#random, digits)).join("-");
  }
}

function isSubscribed({ event }: WebhookEvent, { events, repository }: Webhook): boolean {
  return events.includes("*") || events.includes(event) ||
    (repository === null && ALWAYS_SENT_TO_APPS.includes(event));
}
