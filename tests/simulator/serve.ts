import { Simulator, type SimulatorOptions } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";
import { FakeClock } from "./fake_clock.ts";

export const TOKEN = "ghp_simulated";

export interface TestResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed text; empty if it is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The parsed text; empty if it is not a JSON array. */
  readonly list: readonly Readonly<Record<string, unknown>>[];
}

/** A simulator over a real socket, stopped when it goes out of scope: `await using github = serve()`. */
export function serve(options: Partial<SimulatorOptions> & { readonly clock?: FakeClock } = {}) {
  const clock = options.clock ?? new FakeClock();
  const world = options.world ?? new World({ clock });
  const simulator = new Simulator({ tokens: [TOKEN], ...options, clock, world });
  const stop = new AbortController();
  const { url, finished } = simulator.listen({
    hostname: "127.0.0.1",
    port: 0,
    signal: stop.signal,
  });

  async function request(path: string, init: RequestInit = {}): Promise<TestResponse> {
    const headers = new Headers({ authorization: `Bearer ${TOKEN}` });
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    if (headers.get("authorization") === "none") headers.delete("authorization");
    const signal = AbortSignal.timeout(5_000);
    const response = await fetch(path.startsWith("http") ? path : url + path, {
      ...init,
      headers,
      signal,
    });
    const text = await response.text();
    const { status } = response;
    return {
      status,
      headers: response.headers,
      text,
      json: toObject(parseJson(text)),
      list: toObjects(parseJson(text)),
    };
  }

  return {
    clock,
    world,
    simulator,
    url,
    finished,
    stop: () => stop.abort(),
    request,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await finished;
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The objects of an array; empty if it is not an array. */
export function toObjects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(toObject) : [];
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
