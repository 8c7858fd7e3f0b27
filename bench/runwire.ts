// The whole program like `runwire serve`: `runwire.ts NAME=VALUE…` overrides the variables below. It ends with its standard
// input.
import { runApp } from "../src/cli/serve.ts";
import { readConfig } from "../src/config.ts";
import { configureLog } from "../src/log.ts";
import { print } from "./console.ts";
import { SECRET } from "./webhook/hook.mjs";

const VARIABLES = {
  SERVER_PORT: "0",
  // A closed port: without clients for runs there are no requests.
  GITHUB_API_URL: "http://127.0.0.1:9",
  GITHUB_TOKEN: "ghp_bench",
  GITHUB_WEBHOOK_SECRET: SECRET,
};

const overrides = Object.fromEntries(Deno.args.map((assignment) => {
  const at = assignment.indexOf("=");
  return [assignment.slice(0, at), assignment.slice(at + 1)];
}));
const stop = new AbortController();
await using _log = await configureLog("error");
void waitForStdinEnd().then(() => stop.abort());
await runApp(readConfig({ ...VARIABLES, ...overrides }), {
  signal: stop.signal,
  onListen: (url) => print(`listening ${new URL(url).port}`),
});

async function waitForStdinEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}
