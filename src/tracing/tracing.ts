import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { stripUrlQueries } from "./query_filter.ts";

/** Under which Deno keeps what OpenTelemetry needs, once it is asked to: https://docs.deno.com/runtime/fundamentals/open_telemetry/ */
const PROVIDERS = Symbol.for("opentelemetry.js.api.1");

type Api = typeof import("@opentelemetry/api");

/** Spans of our own, beside those that Deno makes of every request and fetch. */
export class Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;

  private constructor(api: Api, version: string) {
    this.#api = api;
    this.#tracer = api.trace.getTracer("runwire", version);
  }

  /** `undefined` unless the program runs with `OTEL_DENO=true`: then nothing is loaded, and nothing is measured. */
  static async load(version: string): Promise<Tracing | undefined> {
    const providers: unknown = Reflect.get(globalThis, PROVIDERS);
    const isEnabled = typeof providers === "object" && providers !== null && "trace" in providers;
    if (!isEnabled) return undefined;
    const tracing = new Tracing(await import("@opentelemetry/api"), version);
    await tracing.runInSpan(
      "start",
      {},
      (runInSpan) => Promise.resolve(stripUrlQueries(runInSpan)),
    );
    return tracing;
  }

  /** What is done now, to be named as the cause of what comes of it later. */
  get context(): Context {
    return this.#api.context.active();
  }

  /** Runs `work` in a span, which names its failure by kind: words of an error may quote what a client sent. */
  async runInSpan<T>(
    name: string,
    attributes: Attributes,
    work: (runInSpan: Span) => Promise<T>,
  ): Promise<T> {
    return await this.#tracer.startActiveSpan(name, { attributes }, async (runInSpan) => {
      try {
        return await work(runInSpan);
      } catch (error) {
        const message = error instanceof Error ? error.name : "unknown";
        runInSpan.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
        throw error;
      } finally {
        runInSpan.end();
      }
    });
  }

  /** The same for what is done at once, and comes of `causes`: a child of the first, with links to the others. */
  runInSpanSync<T>(
    name: string,
    { causes, attributes }: {
      readonly causes: readonly Context[];
      readonly attributes: Attributes;
    },
    work: () => T,
  ): T {
    const { trace, context } = this.#api;
    const [first = context.active(), ...linked] = causes;
    const links = linked.flatMap((each) => trace.getSpanContext(each) ?? [])
      .map((context) => ({ context }));
    return this.#tracer.startActiveSpan(name, { attributes, links }, first, (runInSpan) => {
      try {
        return work();
      } finally {
        runInSpan.end();
      }
    });
  }

  /** Names the span that is under way, for example that of a request. */
  renameActiveSpan(name: string, attributes: Attributes): void {
    this.#api.trace.getActiveSpan()?.updateName(name).setAttributes(attributes);
  }
}
