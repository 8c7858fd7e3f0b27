import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { systemClock } from "../../../src/clock.ts";
import type { SimulatorOptions } from "../../../src/simulator/server.ts";
import { FakeClock } from "../fake_clock.ts";
import { serve } from "../serve.ts";

export const SECRET = "It's a Secret to Everybody";

/** Longer than any wait takes, even on a busy machine. */
const WAIT_LIMIT_MS = 8_000;

/** A fake clock on which sleeps of up to one second end immediately, and are recorded. */
export class AutoAdvanceClock extends FakeClock {
  readonly sleeps: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > 1_000) return super.sleep(ms, signal);
    this.sleeps.push(ms);
    return systemClock.sleep(1, signal);
  }
}

export interface ReceivedWebhook {
  readonly headers: Headers;
  readonly body: string;
  readonly guid: string;
  /** Event and action, for example `workflow_run requested`. */
  readonly name: string;
  /** Whether it is signed with SECRET. */
  readonly isSigned: boolean;
}

/** Receives webhooks on 127.0.0.1; a test sets the response. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  respond: (received: ReceivedWebhook) => Response | Promise<Response> = () =>
    new Response("Accepted");
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const { signal } = this.#stop;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, async (request) => {
      return await this.#receive(new Headers(request.headers), await request.text());
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/api/v1/webhook/github`;
  }

  /** Event and action of the received webhooks. */
  get receivedNames(): readonly string[] {
    return this.received.map(({ name }) => name);
  }

  async waitForCount(count: number): Promise<readonly ReceivedWebhook[]> {
    await waitUntil(() => this.received.length >= count);
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }

  async #receive(headers: Headers, body: string): Promise<Response> {
    const isForm = headers.get("content-type") === "application/x-www-form-urlencoded";
    const json = isForm ? new URLSearchParams(body).get("payload") ?? "" : body;
    const { action } = JSON.parse(json);
    const event = headers.get("x-github-event") ?? "";
    const signature = createHmac("sha256", SECRET).update(Buffer.from(body)).digest("hex");
    const received = {
      headers,
      body,
      guid: headers.get("x-github-delivery") ?? "",
      name: action ? `${event} ${action}` : event,
      isSigned: headers.get("x-hub-signature-256") === `sha256=${signature}`,
    };
    this.received.push(received);
    return await this.respond(received);
  }
}

/** A simulated GitHub that sends webhooks, on an automatic clock: `await using github = serveWithWebhooks()`. */
export function serveWithWebhooks(
  { clock = new AutoAdvanceClock(), ...options }:
    & Partial<Omit<SimulatorOptions, "clock" | "world">>
    & { readonly clock?: AutoAdvanceClock } = {},
) {
  const github = serve({ ...options, clock });
  const stop = new AbortController();
  const delivered = github.simulator.deliver(stop.signal);
  return {
    ...github,
    clock,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await delivered;
      await github[Symbol.asyncDispose]();
    },
  };
}

/** Waits until the condition holds; throws after eight seconds of real time. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  const { setTimeout } = globalThis;
  for (const end = performance.now() + WAIT_LIMIT_MS; !condition();) {
    if (performance.now() > end) throw new Error("timed out");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
