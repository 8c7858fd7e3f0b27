// The whole program as `runwire serve` runs it: `runwire.ts NAME=VALUE…` with such settings beside those below. It ends
// with its standard input.
import { runApp } from "../src/cli/serve.ts";
import { readConfig } from "../src/config.ts";
import { configureLog } from "../src/log.ts";
import { print } from "./console.ts";
import { SECRET } from "./webhook/hook.mjs";

const SETTINGS = {
  SERVER_PORT: "0",
  // Nobody listens there, and nobody is asked as long as no client wants to hear of runs.
  GITHUB_API_URL: "http://127.0.0.1:9",
  GITHUB_TOKEN: "ghp_bench",
  GITHUB_WEBHOOK_SECRET: SECRET,
};

const overrides = Object.fromEntries(Deno.args.map((setting) => {
  const at = setting.indexOf("=");
  return [setting.slice(0, at), setting.slice(at + 1)];
}));
const stop = new AbortController();
await using _log = await configureLog("error");
void waitForStdinEnd().then(() => stop.abort());
await runApp(readConfig({ ...SETTINGS, ...overrides }), {
  signal: stop.signal,
  onListen: (url) => print(`listening ${new URL(url).port}`),
});

async function waitForStdinEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}
