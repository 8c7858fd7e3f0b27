import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { seededRandom } from "../../src/simulator/world/random.ts";
import { messageFrame } from "../fakes/stores/messages.ts";
import type { WebSocketClient } from "../fakes/clients/websocket.ts";
import { sleep } from "../fakes/wait.ts";
import { assertNothingLost, postgresQuery, waitUntilDrained } from "../process/store_assertions.ts";
import { createRunDeliveries } from "../process/run_deliveries.ts";
import { type ResponseSummary, WebhookSender } from "../process/webhook_sender.ts";

/** The pause between two requests to one instance. */
const SEND_INTERVAL_MS = 100;
const MAX_DELIVERIES = 5_000;
const TIMEOUT_MS = 15_000;

const MESSAGES = z.array(z.object({ content: z.string() })).transform((rows) =>
  rows.map(({ content }) => content)
);
const PROBLEM = z.object({ code: z.string() });
const ERROR = z.object({ error: z.object({ code: z.string() }) });

/** A posted message and its response; the fields of the response are missing if there was none. */
interface PostResult extends Partial<ResponseSummary> {
  readonly content: string;
  readonly at: number;
}

/** Sends messages and webhooks to one instance until it is stopped. */
export class Traffic {
  readonly posted: PostResult[] = [];
  /** The contents of the messages sent on the WebSocket. */
  readonly sentOnSocket: string[] = [];
  readonly #url: string;
  readonly #name: string;
  readonly #socket: WebSocketClient;
  readonly #sender: WebhookSender;
  readonly #deliveries: ReturnType<typeof createRunDeliveries>;
  #sent = 0;
  #isStopped = false;
  readonly #running: Promise<unknown>;

  /** @param socket of `/ws?topics=messages`, at the same instance */
  constructor(url: string, { socket, seed }: { socket: WebSocketClient; seed: number }) {
    this.#url = url;
    this.#name = `${seed}`;
    this.#socket = socket;
    this.#sender = new WebhookSender(url);
    this.#deliveries = createRunDeliveries(MAX_DELIVERIES, {
      random: seededRandom(seed),
      firstRun: seed * 1_000_000,
    });
    this.#running = Promise.all([this.#postMessages(), this.#sendOnSocket(), this.#sendWebhooks()]);
  }

  get sent(): ReturnType<typeof createRunDeliveries> {
    return this.#deliveries.slice(0, this.#sent);
  }

  get acknowledged(): readonly string[] {
    return this.#sender.acknowledged;
  }

  /** The responses to the deliveries that were not accepted. */
  get rejections(): readonly ResponseSummary[] {
    return this.#sender.rejections;
  }

  /** The contents of the accepted messages. */
  get accepted(): readonly string[] {
    return this.posted.flatMap(({ status, content }) => status === 201 ? [content] : []);
  }

  /** The error codes that the WebSocket received. */
  get errors(): readonly string[] {
    return this.#socket.frames.flatMap((frame) => {
      const { data } = ERROR.safeParse(JSON.parse(frame));
      return data ? [data.error.code] : [];
    });
  }

  /** The answered posts that began at `from` or later. */
  postedSince(from: number): readonly PostResult[] {
    return this.posted.filter(({ at }) => at >= from);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #postMessages(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const content = `post ${this.#name}/${count}`;
      const at = Date.now();
      const response = await this.#postMessage(content).catch(() => ({}));
      this.posted.push({ content, at, ...response });
      await sleep(SEND_INTERVAL_MS);
    }
  }

  async #postMessage(content: string): Promise<ResponseSummary> {
    const response = await fetch(`${this.#url}/api/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: messageFrame(content),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const code = PROBLEM.safeParse(await response.json()).data?.code;
    return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
  }

  async #sendOnSocket(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      if (this.#socket.socket.readyState !== WebSocket.OPEN) return;
      const content = `say ${this.#name}/${count}`;
      this.sentOnSocket.push(content);
      this.#socket.socket.send(messageFrame(content));
      await sleep(SEND_INTERVAL_MS + 20);
    }
  }

  async #sendWebhooks(): Promise<void> {
    for (const delivery of this.#deliveries) {
      if (this.#isStopped) return;
      this.#sent++;
      await this.#sender.send([delivery]);
      await sleep(SEND_INTERVAL_MS);
    }
  }
}

/** The contents of the messages that a client of `/ws?topics=messages` received, in order. */
export function receivedContents({ frames }: WebSocketClient): string[] {
  return frames.flatMap((frame) => {
    const { content } = JSON.parse(frame);
    return typeof content === "string" ? [content] : [];
  });
}

/**
 * Checks that every acknowledged message and delivery is stored once, that every message sent on an open WebSocket is stored or
 * was answered with an error, and that nothing else is stored. Returns the contents of the stored messages, in order.
 */
export async function assertAllStored(
  databaseUrl: string,
  traffic: readonly Traffic[],
  { open }: { readonly open: readonly Traffic[] },
): Promise<readonly string[]> {
  const query = postgresQuery(databaseUrl);
  await waitUntilDrained(query);
  await assertNothingLost(query, {
    sent: traffic.flatMap(({ sent }) => sent),
    acknowledged: traffic.flatMap(({ acknowledged }) => acknowledged),
  });
  const stored = MESSAGES.parse(await query("select content from messages order by seq"));
  const storedSet = new Set(stored);
  assertEquals(storedSet.size, stored.length, "A message is stored twice");
  for (const { accepted } of traffic) {
    assertEquals(
      accepted.filter((content) => !storedSet.has(content)),
      [],
      "Acknowledged and lost",
    );
  }
  for (const { sentOnSocket, errors } of open) {
    const lost = sentOnSocket.filter((content) => !storedSet.has(content)).length;
    assert(lost <= errors.length, `${lost} are not stored, and ${errors.length} errors were sent`);
  }
  const sent = traffic.flatMap(({ posted, sentOnSocket }) => [
    ...posted.map(({ content }) => content),
    ...sentOnSocket,
  ]);
  assertEquals(stored.filter((content) => !sent.includes(content)), [], "Stored, and never sent");
  return stored;
}
