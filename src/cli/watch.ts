import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { invalidValue } from "../error_text.ts";
import { UsageError } from "../errors.ts";
import type { FullRun } from "../run/snapshot.ts";
import { environment } from "./environment.ts";
import { LineScreen } from "./line_screen.ts";
import type { Screen } from "./screen.ts";
import { TableScreen } from "./table_screen.ts";
import { addTicket } from "./ticket.ts";

export const DEFAULT_URL = "ws://127.0.0.1:8080/ws";

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;
const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/** `runwire watch`: shows runs as they change until `signal` aborts; reconnects without limit. */
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
 * The WebSocket URL: `http` is replaced by `ws`, and a missing path by `/ws`.
 * @throws {UsageError}
 */
export function socketUrl(text: string): string {
  const url = URL.parse(text.includes("://") ? text : `ws://${text}`);
  const protocol = url?.protocol.replace(/^http/, "ws");
  if (!url || (protocol !== "ws:" && protocol !== "wss:")) {
    throw new UsageError(invalidValue("URL", text, `a WebSocket URL such as ${DEFAULT_URL}`));
  }
  const target = new URL(`${protocol}//${url.host}${url.pathname === "/" ? "/ws" : url.pathname}`);
  target.search = url.search;
  target.searchParams.set("view", "full");
  return target.href;
}

interface StreamOptions {
  readonly screen: Screen;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An API key, if the server requires authentication. */
  readonly key?: string | undefined;
}

/** Stays connected to `url` until `signal` aborts. */
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
    screen.showStatus(`${reason}, retrying in ${delay / 1000} s`);
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

/** Resolves to the reason once the connection fails or is lost. */
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

/** `displayUrl` is the URL without the ticket. */
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

/** Ignores frames other than snapshots: a newer server may send other messages. */
function parseFrame(data: unknown): { runs: FullRun[] } | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return FRAME.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
