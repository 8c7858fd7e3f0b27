import { type Clock, systemClock } from "../../../src/clock.ts";
import type { DeliveryStore } from "../../../src/delivery/delivery.ts";
import { Receiver, type ReceiverOptions } from "../../../src/delivery/receiver.ts";
import { toOrderingKey } from "../../../src/github/delivery.ts";
import { WebhookEndpoint } from "../../../src/http/routes/delivery.ts";
import type { ChangeSet } from "../../../src/run/change_set.ts";
import { WEBHOOK_SECRET, webhookHeaders } from "../fixtures/delivery.ts";
import { ServerUnderTest } from "./server.ts";

export const WEBHOOK_PATH = "/api/v1/webhook/github";

export interface WebhookServerSettings {
  readonly secrets?: readonly string[];
  readonly clock?: Clock;
  readonly maxPendingBytes?: number;
  readonly onStored?: () => void;
  /** Reads nothing by default, so that every delivery waits. */
  readonly read?: ReceiverOptions<ChangeSet>["parse"];
  readonly onEvents?: ReceiverOptions<ChangeSet>["onEvents"];
}

/** The webhook endpoint on a real socket, over a store. `await using` stops it. */
export class WebhookServer {
  readonly deliveries: WebhookEndpoint;
  readonly #server: ServerUnderTest;

  constructor(
    store: Pick<DeliveryStore<ChangeSet>, "store" | "storeAndApply">,
    settings: WebhookServerSettings = {},
  ) {
    const { secrets = [WEBHOOK_SECRET], clock = systemClock, maxPendingBytes } = settings;
    const { onStored = () => {}, read = () => undefined, onEvents = () => {} } = settings;
    this.deliveries = new WebhookEndpoint({
      receiver: new Receiver({ secrets, store, toOrderingKey, parse: read, onEvents, onStored }),
      clock,
      ...(maxPendingBytes === undefined ? {} : { maxPendingBytes }),
    });
    this.#server = new ServerUnderTest({ deliveries: this.deliveries });
  }

  async start(): Promise<this> {
    await this.#server.start();
    return this;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Posts a signed body as GitHub does; `headers` override GitHub's headers. */
  async post(
    body: string | Uint8Array<ArrayBuffer>,
    options: { id?: string; event?: string; path?: string; headers?: Record<string, string> } = {},
  ): Promise<WebhookResponse> {
    const { path = WEBHOOK_PATH, headers, ...delivery } = options;
    const response = await fetch(`${this.#server.url}${path}`, {
      method: "POST",
      headers: { ...webhookHeaders(body, delivery), ...headers },
      body,
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

export interface WebhookResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}
