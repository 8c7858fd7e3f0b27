/**
 * A simulated GitHub over HTTP, independent of Runwire.
 *
 *     const world = new World({ clock });    // static; createDemoWorld({ clock, seed }) in world/demo.ts has an active team
 *     world.addRepository({ full_name: "octo-org/api" });
 *     world.push("octo-org/api");            // updates pushed_at and starts a run
 *     const { id } = world.addRun("octo-org/api", { name: null, run_attempt: undefined });
 *     world.updateRun(id, { status: "completed", conclusion: "failure" });
 *     world.rerun(id, { queued_seconds: 3, running_seconds: 60, conclusion: "success" });
 *     world.removeRun(id);
 *     addHistoricalRuns(world, "octo-org/api", times);  // world/history_seed.ts
 *     world.blockRepository("octo-org/api", 451);
 *     world.removeRepository("octo-org/api");
 *
 *     const simulator = new Simulator({ world, clock, tokens: ["ghp_test"] });
 *     const { url, finished } = simulator.listen({ hostname: "127.0.0.1", port: 0, signal });
 *
 *     const { id: webhook } = simulator.webhooks.add("octo-org/api", { url, secret, events: ["*"] });
 *     simulator.webhooks.addToApp({ url, secret, events: ["workflow_run"] });
 *     simulator.webhooks.deliveries(webhook);  // every attempt, latest first
 *     simulator.webhooks.hide("octo-org/api", 404);
 *     await simulator.deliver(signal);       // sends webhooks until the signal aborts
 *
 *     simulator.faults.add({ kind: "status", status: 502 }, { requests: 2, path: /actions\/runs/ });
 *     simulator.index.lag("octo-org/api", { requests: 1, shows: "frozen" });
 *     simulator.rateLimits.set("ghp_test", { remaining: 0 });
 *     simulator.credentials.revoke("ghp_test");
 *     simulator.requests.entries; simulator.requests.counts;
 *
 * Users sign in to apps and see their repositories; `tokens` see everything:
 *
 *     world.users.add({ login: "mona", id: 7, organizations: ["octo-org"] });
 *     world.addRepository({ full_name: "octo-org/secret", private: true });
 *     world.users.grant("mona", "octo-org/secret");     // and revoke(): sends `member`
 *     world.changeRepository("octo-org/secret", { private: false });   // sends `repository publicized`
 *     world.users.join("mona", "other-org");            // and leave(): sends `organization` to the App
 *     world.users.uninstall("octo-org/secret");         // and install(): sends `installation_repositories` to the App
 *
 *     simulator.registerOAuthApp({ clientId: "Iv1.a", clientSecret: "shh", kind: "github_app" });  // auth/oauth_app.ts
 *     simulator.consent = ({ login }) => login ?? "mona";    // the user who consents, or "denied"
 *     const token = simulator.signIn("mona", "Iv1.a");      // a token without a browser
 *     simulator.credentials.revoke(token);              // requests with it get 401
 *     simulator.revokeAuthorization("mona");            // all tokens of a user, as in GitHub's settings; notifies the App
 *     simulator.graphqlLimits.set(token, { remaining: 0 });
 *
 * One host serves the web pages and the API: use `url` as GITHUB_URL and GITHUB_API_URL, with GraphQL at `/graphql`. With
 * `url + "/api/v3"` as GITHUB_API_URL, as on a GitHub Enterprise Server, GraphQL is at `/api/graphql`. The default callback
 * of an app is /login/callback on any port of http://127.0.0.1.
 *
 * Routes: routes.ts, job_routes.ts, webhooks/webhook_routes.ts, auth/oauth_consent.ts, auth/oauth_pages.ts, graphql.ts. Faults:
 * faults.ts. State changes: world/world.ts, world/users.ts.
 */
import type { Hono } from "hono";
import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { Api, type SimulatedResponse } from "./api.ts";
import { Credentials } from "./auth/credentials.ts";
import { ConnectionCut, type Fault, Faults, serverError, truncateBody } from "./faults.ts";
import { Webhooks } from "./webhooks/webhooks.ts";
import type { App } from "./auth/jwt.ts";
import { OAuth } from "./auth/oauth.ts";
import type { Consent, OAuthApp } from "./auth/oauth_app.ts";
import { oauthPages } from "./auth/oauth_pages.ts";
import { seededRandom } from "./world/random.ts";
import { RateLimits } from "./rate_limits.ts";
import { RequestLog } from "./request_log.ts";
import { RunIndex } from "./run_index.ts";
import type { Origin } from "./user_json.ts";
import type { World } from "./world/world.ts";

export interface SimulatorOptions {
  readonly world: World;
  readonly clock: Clock;
  /** Accepted personal access tokens. */
  readonly tokens?: readonly string[];
  readonly app?: App;
  /** The owner of `tokens`, as returned by `GET /user`. */
  readonly login?: string;
  /** Requests per token and hour. */
  readonly rateLimit?: number;
  readonly maxLoggedRequests?: number;
  /** Generates installation tokens and GUIDs of deliveries. */
  readonly random?: () => number;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Stops the server immediately, including open connections. */
  readonly signal: AbortSignal;
}

export interface RunningSimulator {
  /** The root of the API without a trailing slash; the suffix `/api/v3` works, too. */
  readonly url: string;
  readonly finished: Promise<void>;
}

export class Simulator {
  readonly faults = new Faults();
  readonly webhooks: Webhooks;
  readonly index: RunIndex;
  readonly credentials: Credentials;
  readonly rateLimits: RateLimits;
  readonly graphqlLimits: RateLimits;
  readonly requests: RequestLog;
  readonly oauth: OAuth;
  /** Chooses the user who consents; by default the suggested login or the owner of `tokens`. */
  consent: Consent;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #api: Api;
  readonly #pages: Hono;
  #origin: Origin = { api: "https://api.github.com", html: "https://github.com" };
  #requestCount = 0;

  constructor(options: SimulatorOptions) {
    const { world, clock, tokens = [], app, login = "octocat" } = options;
    const { rateLimit = 5_000, maxLoggedRequests = 1_000, random = seededRandom(1) } = options;
    this.#world = world;
    this.#clock = clock;
    this.consent = ({ login: suggested }) => suggested ?? login;
    const [installation] = app?.installations ?? [];
    this.webhooks = new Webhooks({
      world,
      clock,
      random,
      installation,
      origin: () => this.#origin,
    });
    this.index = new RunIndex(world);
    const { users } = world;
    const oauth = this.oauth = new OAuth({ clock, random, users });
    this.credentials = new Credentials({ clock, random, app, oauth, tokens });
    this.rateLimits = new RateLimits(clock, rateLimit);
    this.graphqlLimits = new RateLimits(clock, rateLimit);
    this.requests = new RequestLog(maxLoggedRequests);
    const { webhooks, index, credentials, rateLimits, graphqlLimits } = this;
    const parts = { world, webhooks, index, oauth, credentials, rateLimits, graphqlLimits, login };
    this.#api = new Api(parts);
    this.#pages = oauthPages({
      oauth,
      users,
      consent: (authorization) => this.consent(authorization),
    });
  }

  /** Registers an app that users can sign in to. */
  registerOAuthApp(app: OAuthApp): void {
    this.oauth.register(app);
  }

  /** Issues a user token for an app; scopes only apply to an OAuth app. */
  signIn(login: string, clientId: string, scopes = ["read:org", "repo"]): string {
    const user = this.#world.users.get(login);
    const app = this.oauth.findApp(clientId);
    if (!app) throw new Error(`OAuth app ${clientId} not found`);
    return this.oauth.tokens.issue(app, { userId: user.id, scopes }).access_token;
  }

  /** Revokes all authorizations of a user, as in GitHub's settings. */
  revokeAuthorization(login: string): void {
    const user = this.#world.users.get(login);
    const apps = this.oauth.tokens.listByUser(user.id).map(({ app }) => app);
    for (const { clientId } of apps) this.oauth.tokens.revokeAll(user.id, clientId);
    if (!apps.some(({ kind }) => kind === "github_app")) return;
    const at = this.#clock.now();
    this.webhooks.dispatch({ kind: "github_app_authorization", action: "revoked", at, user });
  }

  listen({ hostname, port, signal }: ListenOptions): RunningSimulator {
    const server = Deno.serve({
      hostname,
      port,
      signal,
      onListen() {},
      onError(error) {
        if (!(error instanceof ConnectionCut)) {
          log("simulator").error("Request failed: {error}", { error });
        }
        return new Response(null, { status: 500 });
      },
    }, (request) => this.#serve(request, signal));
    const url = `http://${hostname}:${server.addr.port}`;
    this.#origin = { api: url, html: url };
    return { url, finished: server.finished };
  }

  /** Sends webhooks for events in the world until `signal` aborts. Never rejects. */
  async deliver(signal: AbortSignal): Promise<void> {
    await this.webhooks.run(signal);
  }

  async #serve(request: Request, signal: AbortSignal): Promise<Response> {
    const at = this.#clock.now();
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const fault = this.faults.consume(path);
    const requestId = `51B0:${(++this.#requestCount).toString(16).toUpperCase().padStart(8, "0")}`;
    const { status, headers, body, isCharged } = await this.#respond(request, { fault, requestId });
    if (fault?.kind === "delay") await this.#clock.sleep(fault.ms, signal);
    const isCut = fault?.kind === "cut";
    const { method } = request;
    const isConditional = request.headers.has("if-none-match");
    this.requests.add(
      { at, method, path, status: isCut ? 0 : status, conditional: isConditional },
      { charged: isCharged },
    );
    return new Response(isCut ? truncateBody(body) : body, {
      // A 304 has no body to cut.
      status: isCut ? 200 : status,
      headers: {
        date: new Date(this.#clock.now()).toUTCString(),
        "x-github-request-id": requestId,
        "x-github-media-type": "github.v3; format=json",
        ...headers,
      },
    });
  }

  async #respond(request: Request, { fault, requestId }: {
    readonly fault: Fault | undefined;
    readonly requestId: string;
  }): Promise<SimulatedResponse> {
    if (fault?.kind === "status") return serverError(fault);
    if (new URL(request.url).pathname.startsWith("/login/oauth/")) {
      const page = await this.#pages.fetch(request);
      const headers = Object.fromEntries(page.headers);
      return { status: page.status, headers, body: await page.text(), isCharged: false };
    }
    const exceededLimit = fault?.kind === "secondary_limit" ? fault : undefined;
    const response = await this.#api.response(request, { requestId, exceededLimit });
    if (fault?.kind !== "garbage") return response;
    return { ...response, status: 200, body: '{"total_count":1,"workflow_' };
  }
}
