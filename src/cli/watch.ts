import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import type { FullRun } from "../run/snapshot.ts";
import { environment } from "./environment.ts";
import { LineScreen } from "./line_screen.ts";
import { TableScreen } from "./table_screen.ts";
import { addTicket } from "./ticket.ts";

export const DEFAULT_URL = "ws://127.0.0.1:8080/ws";

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;
const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/** Where `watch` shows what it hears. */
export interface Screen {
  open(): void;
  show(runs: readonly FullRun[]): void;
  /** Says how the connection fares. */
  showStatus(text: string): void;
  close(): void;
}

/** `runwire watch`: shows runs as they change until `signal` aborts; connects again for as long as it takes. */
export async function watch(url: string, signal: AbortSignal): Promise<void> {
  const target = socketUrl(url);
  const screen = Deno.stdout.isTerminal() ? new TableScreen(target, systemClock) : new LineScreen();
  screen.open();
  try {
    const key = environment()["RUNWIRE_KEY"] || undefined;
    await streamRuns(target, { screen, clock: systemClock, signal, key });
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

export interface StreamOptions {
  readonly screen: Screen;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An API key, where the server wants one. */
  readonly key?: string | undefined;
}

/** Keeps connected to `url` until `signal` aborts. */
export async function streamRuns(
  url: string,
  { screen, clock, signal, key }: StreamOptions,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const reason = await connect(url, {
      clock,
      signal,
      key,
      onOpen: () => {
        failures = 0;
        screen.showStatus("Connected");
      },
      onRuns: (runs) => screen.show(runs),
    });
    if (signal.aborted) return;
    const delay = Math.min(MIN_BACKOFF_MS * 2 ** failures++, MAX_BACKOFF_MS);
    screen.showStatus(`${reason}, trying again in ${delay / 1000} s`);
    await clock.sleep(delay, signal);
  }
}

interface ConnectionOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly key: string | undefined;
  readonly onOpen: () => void;
  readonly onRuns: (runs: readonly FullRun[]) => void;
}

/** Resolves, with the reason in words, when the connection is lost or could not be made. */
async function connect(url: string, options: ConnectionOptions): Promise<string> {
  const { clock, signal, key } = options;
  if (key === undefined) return await openSocket(url, { ...options, displayUrl: url });
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  void clock.sleep(CONNECT_TIMEOUT_MS, stop).then(() => done.abort());
  const ticket = await addTicket(url, { key, signal: stop });
  done.abort();
  return "reason" in ticket
    ? ticket.reason
    : await openSocket(ticket.url, { ...options, displayUrl: url });
}

/** `shown` is the address without a ticket. */
async function openSocket(
  url: string,
  options: ConnectionOptions & { readonly displayUrl: string },
): Promise<string> {
  const { clock, signal, onOpen, onRuns, displayUrl } = options;
  const ended = Promise.withResolvers<void>();
  const done = new AbortController();
  const socket = new WebSocket(url);
  let reason = `Cannot reach ${displayUrl}`;
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
      reason += ` (${event.message.replaceAll(url, displayUrl)})`;
    }
  };
  socket.onclose = ({ reason: closeReason }) => {
    if (closeReason) reason += ` (${closeReason})`;
    ended.resolve();
  };
  const close = () => {
    socket.close();
    void clock.sleep(CLOSE_TIMEOUT_MS, done.signal).then(ended.resolve);
  };
  signal.addEventListener("abort", close, { once: true, signal: done.signal });
  void clock.sleep(CONNECT_TIMEOUT_MS, done.signal).then(() => {
    if (socket.readyState === WebSocket.CONNECTING) close();
  });
  await ended.promise;
  done.abort();
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
