import type { Simulator } from "../../../src/simulator/server.ts";
import { Browser, fetchConsentRedirect } from "../clients/browser.ts";
import { webhookHeaders } from "../fixtures/delivery.ts";
import { EventStreamClient } from "../clients/event_stream.ts";
import { WebSocketClient } from "../clients/websocket.ts";
import { withTimeout } from "../wait.ts";

export interface SecretsScenarioOptions {
  readonly url: string;
  /** With mona (the admin), hubot and nat. */
  readonly simulator: Simulator;
}

/**
 * Every use of secrets, valid and invalid: logins, keys, tickets, webhooks, and a GitHub that does not respond.
 * Resolves to the secrets that were used.
 */
export async function runSecretsScenario(
  { url, simulator }: SecretsScenarioOptions,
): Promise<readonly string[]> {
  const secrets: string[] = [];
  const browser = await signIn(url, { login: "mona", simulator, secrets });
  await failLogins(url, { simulator, secrets });
  const key = await createKey(browser, secrets);
  await openConnections(browser, { key, secrets });
  await sendWebhooks(url);
  await discardBody(browser.request("POST", "/logout?everywhere=true"));
  const revoked = await signIn(url, { login: "hubot", simulator, secrets });
  simulator.revokeAuthorization("hubot");
  await discardBody(revoked.get("/runs"));
  const unknown = await signIn(url, { login: "nat", simulator, secrets });
  simulator.faults.add({ kind: "status", status: 502 }, { requests: 3, path: /graphql/ });
  await discardBody(unknown.get("/runs"));
  return secrets.filter((secret) => secret !== "");
}

interface Context {
  readonly simulator: Simulator;
  readonly secrets: string[];
}

async function signIn(
  url: string,
  { login, simulator, secrets }: Context & { readonly login: string },
): Promise<Browser> {
  simulator.consent = () => login;
  const browser = new Browser(url);
  const callback = await browser.startSignIn("/runs");
  collectSecrets(callback, browser, secrets);
  await discardBody(browser.finishSignIn(callback));
  secrets.push(...browser.cookies.values());
  // The same code again, in the same browser and in another one.
  await discardBody(browser.finishSignIn(callback));
  await discardBody(new Browser(url).finishSignIn(callback));
  return browser;
}

async function failLogins(url: string, { simulator, secrets }: Context): Promise<void> {
  simulator.consent = () => "denied";
  await discardBody(new Browser(url).signIn());
  simulator.consent = () => "mona";
  const unavailableBrowser = new Browser(url);
  const callback = await unavailableBrowser.startSignIn();
  collectSecrets(callback, unavailableBrowser, secrets);
  simulator.faults.add({ kind: "status", status: 502 }, { requests: 1, path: /access_token/ });
  await discardBody(unavailableBrowser.finishSignIn(callback));
  const garbageBrowser = new Browser(url);
  const garbageCallback = await garbageBrowser.startSignIn();
  collectSecrets(garbageCallback, garbageBrowser, secrets);
  simulator.faults.add({ kind: "garbage" }, { requests: 1, path: /access_token/ });
  await discardBody(garbageBrowser.finishSignIn(garbageCallback));
  const forged = "Forged0123456789Forged0123456789Forged01234";
  secrets.push(forged);
  await discardBody(fetch(`${url}/runs`, { headers: { cookie: `runwire=${forged}` } }));
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { accept: "application/json" },
  });
  const { url: target } = await response.json();
  await fetchConsentRedirect(target);
}

function collectSecrets(callback: string, browser: Browser, secrets: string[]): void {
  const { searchParams } = new URL(callback);
  secrets.push(...[...searchParams.values()], ...browser.cookies.values());
}

async function createKey(browser: Browser, secrets: string[]): Promise<string> {
  const response = await browser.request("POST", "/api/v1/keys", {
    name: "robot",
    scopes: ["read"],
  });
  const { key } = await response.json();
  const invalidKey = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
  secrets.push(key.slice(12), invalidKey.slice(12));
  for (const each of [key, invalidKey]) {
    const headers = { authorization: `Bearer ${each}` };
    await discardBody(fetch(`${browser.url}/runs`, { headers }));
    await discardBody(fetch(`${browser.url}/api/v1/keys`, { headers }));
  }
  return key;
}

async function openConnections(
  browser: Browser,
  { key, secrets }: { readonly key: string; readonly secrets: string[] },
): Promise<void> {
  const createTicket = async () => {
    const { ticket: createTicket } = await (await browser.request("POST", "/api/v1/tickets"))
      .json();
    secrets.push(createTicket);
    return createTicket;
  };
  const address = browser.url.replace(/^http/, "ws");
  const used = await createTicket();
  const options = { headers: { origin: browser.url } };
  const client = new WebSocketClient(new WebSocket(`${address}/ws?ticket=${used}`, options));
  await withTimeout(client.opened, "a connection by ticket");
  await client.close();
  await discardBody(fetch(`${browser.url}/ws?ticket=${used}`));
  const stream = await EventStreamClient.connect(
    `${browser.url}/api/v1/events?ticket=${await createTicket()}`,
  );
  await stream[Symbol.asyncDispose]();
  const byKey = await EventStreamClient.connect(`${browser.url}/api/v1/events`, {
    authorization: `Bearer ${key}`,
  });
  await byKey[Symbol.asyncDispose]();
}

/** One delivery with a valid signature, and one with an invalid one. */
async function sendWebhooks(url: string): Promise<void> {
  const body = JSON.stringify({ zen: "Keep it logically awesome." });
  const path = `${url}/api/v1/webhook/github`;
  const headers = webhookHeaders(body, { event: "ping" });
  await discardBody(fetch(path, { method: "POST", headers, body }));
  await discardBody(fetch(path, { method: "POST", headers, body: `${body} ` }));
}

async function discardBody(pending: Promise<Response>): Promise<void> {
  await (await pending).body?.cancel();
}
