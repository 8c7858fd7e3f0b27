// The whole program as `runwire serve` runs it: `runwire.ts DATABASE_FILE GITHUB_API_URL`. It ends with its standard input.
import { runApp } from "../../src/cli/serve.ts";
import { readConfig } from "../../src/config.ts";
import { configureLog } from "../../src/log.ts";
import { SECRET } from "./hook.mjs";

const [file, github] = Deno.args;
const stop = new AbortController();
await using _log = await configureLog("error");
void ended().then(() => stop.abort());
await runApp(
  readConfig({
    SERVER_PORT: "0",
    DATABASE_URL: `sqlite:${file}`,
    GITHUB_API_URL: github,
    GITHUB_TOKEN: "ghp_bench",
    GITHUB_WEBHOOK_SECRET: SECRET,
  }),
  { signal: stop.signal, onListen: (url) => print(`listening ${new URL(url).port}`) },
);

async function ended(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
