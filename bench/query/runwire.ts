// The whole program like `runwire serve`, with a monitor of its event loop: `runwire.ts DATABASE_URL`. For each input line it
// prints the EventLoopDelay since the previous line as JSON. It ends with its standard input.
import { runApp } from "../../src/cli/serve.ts";
import { readConfig } from "../../src/config.ts";
import { configureLog } from "../../src/log.ts";
import { percentile } from "../percentile.ts";
import { SECRET } from "../webhook/hook.mjs";
import { print } from "../console.ts";

/** How long the event loop was blocked, in milliseconds, beyond the timer interval. */
export interface EventLoopDelay {
  readonly p99: number;
  readonly max: number;
}

/** A closed port: without clients there are no requests. */
const NO_GITHUB = "http://127.0.0.1:9";
const SAMPLE_INTERVAL_MS = 2;

const [databaseUrl] = Deno.args;
const stop = new AbortController();
await using _log = await configureLog("error");
let delays: number[] = [];
let sampledAt = performance.now();
const sampler = setInterval(() => {
  const now = performance.now();
  delays.push(Math.max(0, now - sampledAt - SAMPLE_INTERVAL_MS));
  sampledAt = now;
}, SAMPLE_INTERVAL_MS);
void serveDelays().then(() => stop.abort());
await runApp(
  readConfig({
    SERVER_PORT: "0",
    DATABASE_URL: databaseUrl,
    GITHUB_API_URL: NO_GITHUB,
    GITHUB_TOKEN: "ghp_bench",
    GITHUB_WEBHOOK_SECRET: SECRET,
    THROTTLE_RATE: "0",
  }),
  { signal: stop.signal, onListen: (url) => print(`listening ${new URL(url).port}`) },
);
clearInterval(sampler);

async function serveDelays(): Promise<void> {
  for await (const _ of Deno.stdin.readable) {
    const delay: EventLoopDelay = {
      p99: percentile(delays, 0.99),
      max: delays.reduce((a, b) => Math.max(a, b), 0),
    };
    delays = [];
    print(JSON.stringify(delay));
  }
}
