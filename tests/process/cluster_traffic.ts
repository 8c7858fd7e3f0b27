import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { seededRandom } from "../../src/simulator/random.ts";
import { said } from "../fakes/messages.ts";
import type { SocketClient } from "../fakes/socket.ts";
import { pause } from "./cluster.ts";
import { assertNothingLost, drained, postgresQuery } from "./kept.ts";
import { runDeliveries } from "./run_deliveries.ts";
import { type Answer, Sender } from "./sender.ts";

/** Between two things that are sent to one instance. */
const PACE_MS = 100;
const MAX_DELIVERIES = 5_000;
const LIMIT_MS = 15_000;

const MESSAGES = z.array(z.object({ content: z.string() })).transform((rows) =>
  rows.map(({ content }) => content)
);
const PROBLEM = z.object({ code: z.string() });
const ERROR = z.object({ error: z.object({ code: z.string() }) });

/** What became of a message that was posted; `undefined` where there was no answer. */
interface Posted extends Partial<Answer> {
  readonly content: string;
  readonly at: number;
}

/** Says things to one instance, and delivers to it what GitHub would, until it is stopped. */
export class Traffic {
  readonly posted: Posted[] = [];
  /** What was said on the socket, and the codes of the errors it was answered with. */
  readonly spoken: string[] = [];
  readonly #url: string;
  readonly #name: string;
  readonly #socket: SocketClient;
  readonly #sender: Sender;
  readonly #deliveries: ReturnType<typeof runDeliveries>;
  #sent = 0;
  #isStopped = false;
  readonly #running: Promise<unknown>;

  /** @param socket of `/ws?topics=messages`, at the same instance */
  constructor(url: string, { socket, seed }: { socket: SocketClient; seed: number }) {
    this.#url = url;
    this.#name = `${seed}`;
    this.#socket = socket;
    this.#sender = new Sender(url);
    this.#deliveries = runDeliveries(MAX_DELIVERIES, {
      random: seededRandom(seed),
      firstRun: seed * 1_000_000,
    });
    this.#running = Promise.all([this.#post(), this.#speak(), this.#deliver()]);
  }

  get sent(): ReturnType<typeof runDeliveries> {
    return this.#deliveries.slice(0, this.#sent);
  }

  get acknowledged(): readonly string[] {
    return this.#sender.acknowledged;
  }

  /** What deliveries were answered that were not taken. */
  get refusals(): readonly Answer[] {
    return this.#sender.refusals;
  }

  /** The contents of the messages that were taken. */
  get taken(): readonly string[] {
    return this.posted.flatMap(({ status, content }) => status === 201 ? [content] : []);
  }

  /** The codes of the errors that the socket was answered with. */
  get errors(): readonly string[] {
    return this.#socket.frames.flatMap((frame) => {
      const { data } = ERROR.safeParse(JSON.parse(frame));
      return data ? [data.error.code] : [];
    });
  }

  /** Posts that were begun at `from` or later and were answered by now. */
  postedSince(from: number): readonly Posted[] {
    return this.posted.filter(({ at }) => at >= from);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #post(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const content = `post ${this.#name}/${count}`;
      const at = Date.now();
      const answer = await this.#answer(content).catch(() => ({}));
      this.posted.push({ content, at, ...answer });
      await pause(PACE_MS);
    }
  }

  async #answer(content: string): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: said(content),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const code = PROBLEM.safeParse(await response.json()).data?.code;
    return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
  }

  async #speak(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      if (this.#socket.socket.readyState !== WebSocket.OPEN) return;
      const content = `say ${this.#name}/${count}`;
      this.spoken.push(content);
      this.#socket.socket.send(said(content));
      await pause(PACE_MS + 20);
    }
  }

  async #deliver(): Promise<void> {
    for (const delivery of this.#deliveries) {
      if (this.#isStopped) return;
      this.#sent++;
      await this.#sender.send([delivery]);
      await pause(PACE_MS);
    }
  }
}

/** What `/ws?topics=messages` told a client, in order. */
export function messagesOf({ frames }: SocketClient): string[] {
  return frames.flatMap((frame) => {
    const { content } = JSON.parse(frame);
    return typeof content === "string" ? [content] : [];
  });
}

/**
 * Checks that all that was acknowledged is kept once, that all that was said on a socket that is open is kept or was
 * answered by an error, and that nothing else is kept. Returns what is kept, in order.
 */
export async function assertAllKept(
  databaseUrl: string,
  traffic: readonly Traffic[],
  { open }: { readonly open: readonly Traffic[] },
): Promise<readonly string[]> {
  const query = postgresQuery(databaseUrl);
  await drained(query);
  await assertNothingLost(query, {
    sent: traffic.flatMap(({ sent }) => sent),
    acknowledged: traffic.flatMap(({ acknowledged }) => acknowledged),
  });
  const kept = MESSAGES.parse(await query("select content from messages order by seq"));
  const set = new Set(kept);
  assertEquals(set.size, kept.length, "A message is kept twice");
  for (const { taken } of traffic) {
    assertEquals(taken.filter((content) => !set.has(content)), [], "Acknowledged and lost");
  }
  for (const { spoken, errors } of open) {
    const lost = spoken.filter((content) => !set.has(content)).length;
    assert(lost <= errors.length, `${lost} are not kept, and ${errors.length} were told so`);
  }
  const sent = traffic.flatMap(({ posted, spoken }) => [
    ...posted.map(({ content }) => content),
    ...spoken,
  ]);
  assertEquals(kept.filter((content) => !sent.includes(content)), [], "Kept, and never sent");
  return kept;
}
