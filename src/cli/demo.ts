import { systemClock } from "../clock.ts";
import { listSecrets, readConfig } from "../config.ts";
import { configureLog, log } from "../log.ts";
import { Simulator } from "../simulator/server.ts";
import { createDemoWorld } from "../simulator/world/demo.ts";
import { environment } from "./environment.ts";
import { print } from "./print.ts";
import { runApp } from "./serve.ts";

/** Not a secret: only the simulated GitHub accepts it. */
const DEMO_TOKEN = "demo-token";

/** `runwire demo`: runs a server against a simulated GitHub until `signal` aborts. */
export async function demo(signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const world = createDemoWorld({ clock: systemClock, seed: systemClock.now() });
  const simulator = new Simulator({ world, clock: systemClock, tokens: [DEMO_TOKEN] });
  const gitHub = simulator.listen({ hostname: "127.0.0.1", port: 0, signal: stop.signal });
  const webhookSecret = crypto.randomUUID();
  try {
    const config = readConfig({
      ...environment(),
      DATABASE_URL: "sqlite::memory:",
      GITHUB_API_URL: gitHub.url,
      GITHUB_TOKEN: DEMO_TOKEN,
      GITHUB_APP_ID: "",
      GITHUB_APP_PRIVATE_KEY: "",
      GITHUB_APP_INSTALLATION_ID: "",
      GITHUB_URL: "",
      // No login: the demo listens on loopback.
      GITHUB_OAUTH_CLIENT_ID: "",
      GITHUB_OAUTH_CLIENT_SECRET: "",
      SESSION_SECRET: "",
      ADMIN_LOGINS: "",
      ALLOWED_ORGS: "",
      GITHUB_WEBHOOK_SECRET: webhookSecret,
      // The simulated GitHub has no cost, and lists are full from the start.
      POLL_WHEN: "always",
    });
    await using _log = await configureLog(config.logLevel, {
      secrets: listSecrets(config),
    });
    log("demo").info("This is a demo: GitHub is simulated at {url}, and no data is real", {
      url: gitHub.url,
    });
    await runApp(config, {
      signal,
      onListen(url) {
        for (const { full_name } of world.repositories()) {
          simulator.webhooks.add(full_name, {
            url: `${url}/api/v1/webhook/github`,
            secret: webhookSecret,
            content_type: "json",
            events: ["workflow_run", "workflow_job", "push", "repository"],
          });
        }
        void simulator.deliver(stop.signal);
        print(welcome(url));
      },
    });
  } finally {
    stop.abort();
    await gitHub.finished;
  }
}

function welcome(url: string): string {
  const socket = `${url.replace(/^http/, "ws")}/ws`;
  return `
Runwire demo: a simulated GitHub, no account, no network.

  WebSocket      ${socket}
  Terminal       runwire watch ${socket}
                 (from a checkout: deno task watch ${socket})
  REST API       curl ${url}/runs
  Events         curl -N ${url}/api/v1/events
  Health         curl ${url}/health
  API reference  ${url}/docs

Press Ctrl-C to stop.
`;
}
