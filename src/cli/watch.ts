import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import type { FullRun } from "../run/snapshot.ts";
import { environment } from "./environment.ts";
import { LineScreen } from "./lines.ts";
import { TableScreen } from "./table.ts";
import { withTicket } from "./ticket.ts";

export const DEFAULT_URL = "ws://127.0.0.1:8080/ws";

const CONNECT_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** Where `watch` shows what it hears. */
export interface Screen {
  open(): void;
  show(runs: readonly FullRun[]): void;
  /** Says how the connection fares. */
  notice(text: string): void;
  close(): void;
}

/** `runwire watch`: shows runs as they change until `signal` aborts; connects again for as long as it takes. */
export async function watch(url: string, signal: AbortSignal): Promise<void> {
  const target = socketUrl(url);
  const screen = Deno.stdout.isTerminal() ? new TableScreen(target, systemClock) : new LineScreen();
  screen.open();
  try {
    const key = environment()["RUNWIRE_KEY"] || undefined;
    await follow(target, { screen, clock: systemClock, signal, key });
  } finally {
    screen.close();
  }
}

/**
 * The address of the socket: `http` stands for `ws`, and a bare host for its `/ws`.
 * @throws {UsageError}
 */
export function socketUrl(text: string): string {
  const url = URL.parse(text.includes("://") ? text : `ws://${text}`);
  const protocol = url?.protocol.replace(/^http/, "ws");
  if (!url || (protocol !== "ws:" && protocol !== "wss:")) {
    throw new UsageError(`Cannot watch "${text}": allowed is a URL such as ${DEFAULT_URL}`);
  }
  const target = new URL(`${protocol}//${url.host}${url.pathname === "/" ? "/ws" : url.pathname}`);
  target.search = url.search;
  target.searchParams.set("view", "full");
  return target.href;
}

export interface FollowOptions {
  readonly screen: Screen;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An API key, where the server wants one. */
  readonly key?: string | undefined;
}

/** Keeps connected to `url` until `signal` aborts. */
export async function follow(
  url: string,
  { screen, clock, signal, key }: FollowOptions,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const reason = await connect(url, {
      clock,
      signal,
      key,
      onOpen: () => {
        failures = 0;
        screen.notice("Connected");
      },
      onRuns: (runs) => screen.show(runs),
    });
    if (signal.aborted) return;
    const delay = Math.min(FIRST_RETRY_MS * 2 ** failures++, MAX_RETRY_MS);
    screen.notice(`${reason}, trying again in ${delay / 1000} s`);
    await clock.sleep(delay, signal);
  }
}

interface ListenOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly key: string | undefined;
  readonly onOpen: () => void;
  readonly onRuns: (runs: readonly FullRun[]) => void;
}

/** Resolves, with the reason in words, when the connection is lost or could not be made. */
async function connect(url: string, options: ListenOptions): Promise<string> {
  const { clock, signal, key } = options;
  if (key === undefined) return await listen(url, { ...options, shown: url });
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  void clock.sleep(CONNECT_LIMIT_MS, stop).then(() => over.abort());
  const ticket = await withTicket(url, { key, signal: stop });
  over.abort();
  return "reason" in ticket ? ticket.reason : await listen(ticket.url, { ...options, shown: url });
}

/** `shown` is the address without a ticket. */
async function listen(
  url: string,
  options: ListenOptions & { readonly shown: string },
): Promise<string> {
  const { clock, signal, onOpen, onRuns, shown } = options;
  const ended = Promise.withResolvers<void>();
  const over = new AbortController();
  const socket = new WebSocket(url);
  let reason = `Cannot reach ${shown}`;
  socket.onopen = () => {
    reason = "Connection lost";
    onOpen();
  };
  socket.onmessage = ({ data }) => {
    const frame = parseFrame(data);
    if (frame) onRuns(frame.runs);
  };
  socket.onerror = (event) => {
    event.preventDefault();
    if (event instanceof ErrorEvent && event.message) {
      reason += ` (${event.message.replaceAll(url, shown)})`;
    }
  };
  socket.onclose = ({ reason: told }) => {
    if (told) reason += ` (${told})`;
    ended.resolve();
  };
  const close = () => {
    socket.close();
    void clock.sleep(CLOSE_LIMIT_MS, over.signal).then(ended.resolve);
  };
  signal.addEventListener("abort", close, { once: true, signal: over.signal });
  void clock.sleep(CONNECT_LIMIT_MS, over.signal).then(() => {
    if (socket.readyState === WebSocket.CONNECTING) close();
  });
  await ended.promise;
  over.abort();
  return reason;
}

const FRAME = z.object({
  runs: z.array(z.object({
    repositoryName: z.string(),
    id: z.number(),
    workflowName: z.string(),
    displayTitle: z.string(),
    event: z.string(),
    status: z.nullable(z.string()),
    createdAt: z.string(),
    updatedAt: z.string(),
    htmlUrl: z.string(),
    conclusion: z.nullable(z.string()),
    branch: z.nullable(z.string()),
    actor: z.nullable(z.string()),
    runNumber: z.number(),
    runAttempt: z.number(),
    startedAt: z.nullable(z.string()),
  })),
});

/** What is no snapshot is passed over: a newer server may say more than we know. */
function parseFrame(data: unknown): { runs: FullRun[] } | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return FRAME.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
