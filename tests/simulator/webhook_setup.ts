import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { systemClock } from "../../src/clock.ts";
import type { SimulatorOptions } from "../../src/simulator/server.ts";
import { FakeClock } from "./fake_clock.ts";
import { serve } from "./serve.ts";

export const SECRET = "It's a Secret to Everybody";

/** Longer than anything here takes, on a busy machine too. */
const WAIT_LIMIT_MS = 8_000;

/** A clock that a test moves; who wants to sleep for a second at the most is let go on at once, and noted. */
export class AutoAdvanceClock extends FakeClock {
  readonly sleeps: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > 1_000) return super.sleep(ms, signal);
    this.sleeps.push(ms);
    return systemClock.sleep(1, signal);
  }
}

/** A webhook as it came in. */
export interface ReceivedWebhook {
  readonly headers: Headers;
  readonly body: string;
  readonly guid: string;
  /** With its action, for example `workflow_run requested`. */
  readonly name: string;
  /** Whether SECRET signed it. */
  readonly isSigned: boolean;
}

/** Takes webhooks on 127.0.0.1, and answers as a test says. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  /** What is answered to the one that just came in. */
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

  /** Where it takes them. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/api/v1/webhook/github`;
  }

  /** What has come in, by event and action. */
  get receivedNames(): readonly string[] {
    return this.received.map(({ name }) => name);
  }

  /** Waits until so many have come in. */
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

/** A simulated GitHub that sends webhooks, by a clock that is let go on: `await using github = hooked()`. */
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

/** Waits until something holds; throws when it does not within eight seconds of real time. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  const { setTimeout } = globalThis;
  for (const end = performance.now() + WAIT_LIMIT_MS; !condition();) {
    if (performance.now() > end) throw new Error("Waited too long");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
