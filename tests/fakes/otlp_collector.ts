/** An exported span. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface TraceExportRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<CollectedSpan, "attributes"> & {
        readonly attributes: readonly {
          readonly key: string;
          readonly value: Readonly<Record<string, unknown>>;
        }[];
      })[];
    }[];
  }[];
}

/**
 * Receives the OTLP exports of a program over HTTP, as JSON. `await using` stops it.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  /** The exports, unchanged. */
  receivedText = "";
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#receive(request),
    );
  }

  /** The environment of a program that exports to this collector. */
  get environment(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
  }

  /** The child spans of a span. */
  childrenOf({ traceId, spanId }: CollectedSpan): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId && span.parentSpanId === spanId);
  }

  async #receive(request: Request): Promise<Response> {
    const body = await request.text();
    this.receivedText += body;
    if (new URL(request.url).pathname === "/v1/traces") {
      const { resourceSpans }: TraceExportRequest = JSON.parse(body);
      const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((s) => s.spans));
      this.spans.push(...spans.map((span) => ({
        ...span,
        attributes: Object.fromEntries(
          span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
        ),
      })));
    }
    return Response.json({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
