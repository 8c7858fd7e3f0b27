/**
 * A simulated GitHub over HTTP. It knows nothing of Runwire.
 *
 *     const world = new World({ clock });    // quiet; demoWorld({ clock, seed }) of demo.ts is a team at work
 *     world.addRepository({ full_name: "octo-org/api" });
 *     world.push("octo-org/api");            // moves pushed_at and starts a run
 *     const { id } = world.addRun("octo-org/api", { name: null, run_attempt: undefined });
 *     world.updateRun(id, { status: "completed", conclusion: "failure" });
 *     world.rerun(id, { queued_seconds: 3, running_seconds: 60, conclusion: "success" });
 *     world.removeRun(id);
 *     addPastRuns(world, "octo-org/api", times);  // past.ts
 *     world.blockRepository("octo-org/api", 451);
 *     world.removeRepository("octo-org/api");
 *
 *     const simulator = new Simulator({ world, clock, tokens: ["ghp_test"] });
 *     const { url, finished } = simulator.listen({ hostname: "127.0.0.1", port: 0, signal });
 *
 *     const { id: hook } = simulator.hooks.add("octo-org/api", { url, secret, events: ["*"] });
 *     simulator.hooks.addToApp({ url, secret, events: ["workflow_run"] });
 *     simulator.hooks.deliveries(hook);      // every attempt, the latest first
 *     simulator.hooks.hide("octo-org/api", 404);
 *     await simulator.deliver(signal);       // sends webhooks until the signal aborts
 *
 *     simulator.faults.add({ kind: "status", status: 502 }, { requests: 2, path: /actions\/runs/ });
 *     simulator.index.lag("octo-org/api", { requests: 1, shows: "frozen" });
 *     simulator.rateLimits.set("ghp_test", { remaining: 0 });
 *     simulator.credentials.revoke("ghp_test");
 *     simulator.requests.entries; simulator.requests.counts;
 *
 * Routes: routes.ts. Faults: faults.ts. Everything that can be done to the state: world.ts.
 */
import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { type Answer, Api } from "./api.ts";
import { Credentials } from "./credentials.ts";
import { ConnectionCut, cutOff, type Fault, Faults, serverError } from "./faults.ts";
import { Hooks } from "./hooks.ts";
import type { App } from "./jwt.ts";
import { seededRandom } from "./random.ts";
import { RateLimits } from "./rate_limits.ts";
import { RequestLog } from "./request_log.ts";
import { RunIndex } from "./run_index.ts";
import type { Origin } from "./user_json.ts";
import type { World } from "./world.ts";

export interface SimulatorOptions {
  readonly world: World;
  readonly clock: Clock;
  /** The personal access tokens that are accepted. */
  readonly tokens?: readonly string[];
  readonly app?: App;
  /** Who `GET /user` says the tokens belong to. */
  readonly login?: string;
  /** Requests per token and hour. */
  readonly rateLimit?: number;
  /** How many of the latest requests are kept in the log. */
  readonly requestsKept?: number;
  /** Makes the installation tokens and the GUIDs of deliveries. */
  readonly random?: () => number;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Stops the server at once, open connections included. */
  readonly signal: AbortSignal;
}

export interface Listening {
  /** The API's root without a trailing slash; `/api/v3` after it works too. */
  readonly url: string;
  readonly finished: Promise<void>;
}

export class Simulator {
  readonly faults = new Faults();
  readonly hooks: Hooks;
  readonly index: RunIndex;
  readonly credentials: Credentials;
  readonly rateLimits: RateLimits;
  readonly requests: RequestLog;
  readonly #clock: Clock;
  readonly #api: Api;
  #origin: Origin = { api: "https://api.github.com", html: "https://github.com" };
  #served = 0;

  constructor(options: SimulatorOptions) {
    const { world, clock, tokens = [], app, login = "octocat" } = options;
    const { rateLimit = 5_000, requestsKept = 1_000, random = seededRandom(1) } = options;
    this.#clock = clock;
    const [installation] = app?.installations ?? [];
    this.hooks = new Hooks({ world, clock, random, installation, origin: () => this.#origin });
    this.index = new RunIndex(world);
    this.credentials = new Credentials({ clock, random, app, tokens });
    this.rateLimits = new RateLimits(clock, rateLimit);
    this.requests = new RequestLog(requestsKept);
    const { hooks, index, credentials, rateLimits } = this;
    this.#api = new Api({ world, hooks, index, credentials, rateLimits, login });
  }

  listen({ hostname, port, signal }: ListenOptions): Listening {
    const server = Deno.serve({
      hostname,
      port,
      signal,
      onListen() {},
      onError(error) {
        if (!(error instanceof ConnectionCut)) {
          log("simulator").error("Cannot answer: {error}", { error });
        }
        return new Response(null, { status: 500 });
      },
    }, (request) => this.#serve(request, signal));
    const url = `http://${hostname}:${server.addr.port}`;
    this.#origin = { api: url, html: url };
    return { url, finished: server.finished };
  }

  /** Sends webhooks for what happens in the world, until `signal` aborts. Never rejects. */
  async deliver(signal: AbortSignal): Promise<void> {
    await this.hooks.run(signal);
  }

  async #serve(request: Request, signal: AbortSignal): Promise<Response> {
    const at = this.#clock.now();
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const fault = this.faults.take(path);
    const requestId = `51B0:${(++this.#served).toString(16).toUpperCase().padStart(8, "0")}`;
    const { status, headers, body, spent } = await this.#answer(request, { fault, requestId });
    if (fault?.kind === "delay") await this.#clock.sleep(fault.ms, signal);
    const cut = fault?.kind === "cut";
    const { method } = request;
    const conditional = request.headers.has("if-none-match");
    this.requests.add({ at, method, path, status: cut ? 0 : status, conditional }, { spent });
    return new Response(cut ? cutOff(body) : body, {
      // A 304 has no body that could be cut.
      status: cut ? 200 : status,
      headers: {
        date: new Date(this.#clock.now()).toUTCString(),
        "x-github-request-id": requestId,
        "x-github-media-type": "github.v3; format=json",
        ...headers,
      },
    });
  }

  async #answer(request: Request, { fault, requestId }: {
    readonly fault: Fault | undefined;
    readonly requestId: string;
  }): Promise<Answer> {
    if (fault?.kind === "status") return serverError(fault);
    const tooFast = fault?.kind === "secondary_limit" ? fault : undefined;
    const answer = await this.#api.answer(request, { requestId, tooFast });
    if (fault?.kind !== "garbage") return answer;
    return { ...answer, status: 200, body: '{"total_count":1,"workflow_' };
  }
}
