import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";

/** The global in which Deno registers its OpenTelemetry providers: https://docs.deno.com/runtime/fundamentals/open_telemetry/ */
const PROVIDERS = Symbol.for("opentelemetry.js.api.1");

type Api = typeof import("@opentelemetry/api");

/** Runwire's spans, in addition to Deno's spans of each request and fetch. */
export class Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;

  private constructor(api: Api, version: string) {
    this.#api = api;
    this.#tracer = api.trace.getTracer("runwire", version);
  }

  /** Returns `undefined` and loads nothing unless the program runs with `OTEL_DENO=true`. */
  static async load(version: string): Promise<Tracing | undefined> {
    const providers: unknown = Reflect.get(globalThis, PROVIDERS);
    const isEnabled = typeof providers === "object" && providers !== null && "trace" in providers;
    if (!isEnabled) return undefined;
    const tracing = new Tracing(await import("@opentelemetry/api"), version);
    await tracing.runInSpan(
      "start",
      {},
      (span) => Promise.resolve(stripUrlQueries(span)),
    );
    return tracing;
  }

  /** The active context, to link later spans to it. */
  get context(): Context {
    return this.#api.context.active();
  }

  /** Runs `work` in a span. A failure is recorded by its kind only, because a message may quote client input. */
  async runInSpan<T>(
    name: string,
    attributes: Attributes,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    return await this.#tracer.startActiveSpan(name, { attributes }, async (span) => {
      try {
        return await work(span);
      } catch (error) {
        const message = error instanceof Error ? error.name : "unknown";
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  /** Runs synchronous `work` in a span that is a child of the first cause and linked to the others. */
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
    return this.#tracer.startActiveSpan(name, { attributes, links }, first, (span) => {
      try {
        return work();
      } finally {
        span.end();
      }
    });
  }

  /** Renames the active span, for example that of a request. */
  renameActiveSpan(name: string, attributes: Attributes): void {
    this.#api.trace.getActiveSpan()?.updateName(name).setAttributes(attributes);
  }
}

type SetAttribute = Span["setAttribute"];

/**
 * Removes the query of URLs from all later spans: it can contain a ticket or a login code. Deno 2.9.6 adds it to its own spans,
 * and attributes set later do not replace it.
 * @param span any span of Deno
 */
function stripUrlQueries(span: Span): void {
  const prototype: { setAttribute: SetAttribute } = Object.getPrototypeOf(span);
  const original: SetAttribute = prototype.setAttribute;
  prototype.setAttribute = function (this: Span, key, value) {
    if (key === "url.query") return this;
    const isAddress = key === "url.full" && typeof value === "string";
    return original.call(this, key, isAddress ? value.replace(/[?#].*$/s, "") : value);
  };
}
