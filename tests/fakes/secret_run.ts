import type { Simulator } from "../../src/simulator/server.ts";
import { atGitHub, Browser } from "./browser.ts";
import { headersOf } from "./delivery.ts";
import { StreamClient } from "./event_stream.ts";
import { SocketClient, within } from "./socket.ts";

export interface SecretRunOptions {
  readonly url: string;
  /** With mona, who is the admin, hubot and nat. */
  readonly simulator: Simulator;
}

/**
 * Everything that is done with secrets, well and badly: logins, keys, tickets, webhooks, and a GitHub that does not answer.
 * Resolves to the secrets that came up.
 */
export async function secretRun({ url, simulator }: SecretRunOptions): Promise<readonly string[]> {
  const secrets: string[] = [];
  const browser = await signIn(url, { login: "mona", simulator, secrets });
  await badLogins(url, { simulator, secrets });
  const key = await makeKey(browser, secrets);
  await connect(browser, { key, secrets });
  await deliver(url);
  await drain(browser.ask("POST", "/logout?everywhere=true"));
  const revoked = await signIn(url, { login: "hubot", simulator, secrets });
  simulator.revokeAuthorization("hubot");
  await drain(revoked.get("/runs"));
  const unknown = await signIn(url, { login: "nat", simulator, secrets });
  simulator.faults.add({ kind: "status", status: 502 }, { requests: 3, path: /graphql/ });
  await drain(unknown.get("/runs"));
  return secrets.filter((secret) => secret !== "");
}

interface Situation {
  readonly simulator: Simulator;
  readonly secrets: string[];
}

async function signIn(
  url: string,
  { login, simulator, secrets }: Situation & { readonly login: string },
): Promise<Browser> {
  simulator.consent = () => login;
  const browser = new Browser(url);
  const callback = await browser.toGitHub("/runs");
  remember(callback, browser, secrets);
  await drain(browser.back(callback));
  secrets.push(...browser.cookies.values());
  // The code once more, in the same browser and in another one.
  await drain(browser.back(callback));
  await drain(new Browser(url).back(callback));
  return browser;
}

async function badLogins(url: string, { simulator, secrets }: Situation): Promise<void> {
  simulator.consent = () => "denied";
  await drain(new Browser(url).signIn());
  simulator.consent = () => "mona";
  const late = new Browser(url);
  const callback = await late.toGitHub();
  remember(callback, late, secrets);
  simulator.faults.add({ kind: "status", status: 502 }, { requests: 1, path: /access_token/ });
  await drain(late.back(callback));
  const cut = new Browser(url);
  const again = await cut.toGitHub();
  remember(again, cut, secrets);
  simulator.faults.add({ kind: "garbage" }, { requests: 1, path: /access_token/ });
  await drain(cut.back(again));
  const forged = "Forged0123456789Forged0123456789Forged01234";
  secrets.push(forged);
  await drain(fetch(`${url}/runs`, { headers: { cookie: `runwire=${forged}` } }));
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { accept: "application/json" },
  });
  const { url: target } = await response.json();
  await atGitHub(target);
}

function remember(callback: string, browser: Browser, secrets: string[]): void {
  const { searchParams } = new URL(callback);
  secrets.push(...[...searchParams.values()], ...browser.cookies.values());
}

async function makeKey(browser: Browser, secrets: string[]): Promise<string> {
  const response = await browser.ask("POST", "/api/v1/keys", { name: "robot", scopes: ["read"] });
  const { key } = await response.json();
  const wrong = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
  secrets.push(key.slice(12), wrong.slice(12));
  for (const each of [key, wrong]) {
    const headers = { authorization: `Bearer ${each}` };
    await drain(fetch(`${browser.url}/runs`, { headers }));
    await drain(fetch(`${browser.url}/api/v1/keys`, { headers }));
  }
  return key;
}

async function connect(
  browser: Browser,
  { key, secrets }: { readonly key: string; readonly secrets: string[] },
): Promise<void> {
  const ticket = async () => {
    const { ticket } = await (await browser.ask("POST", "/api/v1/tickets")).json();
    secrets.push(ticket);
    return ticket;
  };
  const address = browser.url.replace(/^http/, "ws");
  const used = await ticket();
  const options = { headers: { origin: browser.url } };
  const client = new SocketClient(new WebSocket(`${address}/ws?ticket=${used}`, options));
  await within(client.opened, "a connection by ticket");
  await client.close();
  await drain(fetch(`${browser.url}/ws?ticket=${used}`));
  const stream = await StreamClient.connect(
    `${browser.url}/api/v1/events?ticket=${await ticket()}`,
  );
  await stream[Symbol.asyncDispose]();
  const byKey = await StreamClient.connect(`${browser.url}/api/v1/events`, {
    authorization: `Bearer ${key}`,
  });
  await byKey[Symbol.asyncDispose]();
}

/** One delivery that is signed with our secret, and one with another. */
async function deliver(url: string): Promise<void> {
  const body = JSON.stringify({ zen: "Keep it logically awesome." });
  const path = `${url}/api/v1/webhook/github`;
  const headers = headersOf(body, { event: "ping" });
  await drain(fetch(path, { method: "POST", headers, body }));
  await drain(fetch(path, { method: "POST", headers, body: `${body} ` }));
}

async function drain(answer: Promise<Response>): Promise<void> {
  await (await answer).body?.cancel();
}
