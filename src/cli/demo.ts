import { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { configureLog, log } from "../log.ts";
import { demoWorld } from "../simulator/demo.ts";
import { Simulator } from "../simulator/server.ts";
import { environment } from "./environment.ts";

/** A name, not a secret: only the simulated GitHub takes it. */
const DEMO_TOKEN = "demo-token";

/** `runwire demo`: a simulated GitHub, and Runwire against it, until `signal` aborts. */
export async function demo(signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const simulator = new Simulator({
    world: demoWorld({ clock: systemClock, seed: systemClock.now() }),
    clock: systemClock,
    tokens: [DEMO_TOKEN],
  });
  const gitHub = simulator.listen({ hostname: "127.0.0.1", port: 0, signal: stop.signal });
  try {
    const config = readConfig({
      ...environment(),
      GITHUB_API_URL: gitHub.url,
      GITHUB_TOKEN: DEMO_TOKEN,
      GITHUB_APP_ID: "",
      GITHUB_APP_PRIVATE_KEY: "",
      GITHUB_APP_INSTALLATION_ID: "",
    });
    await using _log = await configureLog(config.logLevel);
    log("demo").info("This is a demo: GitHub is simulated at {url}, nothing here is real", {
      url: gitHub.url,
    });
    const app = new App(config, {
      clock: systemClock,
      random: Math.random,
      onListen: (url) => Deno.stdout.writeSync(new TextEncoder().encode(welcome(url))),
    });
    await app.run(signal);
  } finally {
    stop.abort();
    await gitHub.finished;
  }
}

function welcome(url: string): string {
  const socket = `${url.replace(/^http/, "ws")}/ws`;
  return `
Runwire demo: a simulated GitHub, no account, no network.

  Connect to   ${socket}
  or watch it  runwire watch ${socket}
               (from a checkout: deno task watch ${socket})
  Health       ${url}/health

Ctrl-C ends.

`;
}
