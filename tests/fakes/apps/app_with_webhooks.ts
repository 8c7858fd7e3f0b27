import { type AppSettings, AppUnderTest } from "./app.ts";
import { waitUntil } from "../wait.ts";

export const APP_WEBHOOK_SECRET = "It's a Secret to Everybody";

export interface JsonResponse {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** The program with a database file, and a simulated GitHub that can reach it. `await using` stops and removes all. */
export class AppWithWebhooks extends AppUnderTest {
  readonly #folder: string;
  readonly webhookUrl: string;
  readonly #stopDeliveries = new AbortController();
  #deliveries: Promise<void> = Promise.resolve();

  constructor({ environment = {}, ...settings }: AppSettings = {}) {
    const port = freePort();
    const folder = Deno.makeTempDirSync({ prefix: "runwire-" });
    super({
      ...settings,
      environment: {
        DATABASE_URL: `sqlite:${folder}/runwire.db`,
        SERVER_PORT: String(port),
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        GITHUB_WEBHOOK_SECRET: `${APP_WEBHOOK_SECRET},the one before`,
        ...environment,
      },
    });
    this.#folder = folder;
    this.webhookUrl = `http://127.0.0.1:${port}/api/v1/webhook/github`;
  }

  get databaseUrl(): string {
    return `sqlite:${this.#folder}/runwire.db`;
  }

  /** Starts to send GitHub's webhooks. */
  startDeliveries(): void {
    this.#deliveries = this.simulator.deliver(this.#stopDeliveries.signal);
  }

  async request(method: string, path: string, body?: unknown): Promise<JsonResponse> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: response.status, headers: response.headers, json: await response.json() };
  }

  follow(full_name: string, fields: Record<string, unknown> = {}): Promise<JsonResponse> {
    return this.request("POST", "/repositories", { full_name, ...fields });
  }

  // deno-lint-ignore no-explicit-any
  async waitForRepository(id: number, condition: (repository: any) => boolean): Promise<void> {
    await waitUntil(
      async () => condition((await this.request("GET", `/repositories/${id}`)).json),
      `repository ${id} has the expected state`,
    );
  }

  override async stop(): Promise<void> {
    this.#stopDeliveries.abort();
    await this.#deliveries;
    await super.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}
