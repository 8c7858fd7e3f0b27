import {
  ansiColorFormatter,
  configure,
  dispose,
  getLogger,
  getStreamSink,
  jsonLinesFormatter,
  type Logger,
} from "@logtape/logtape";

export type { Logger };
export type LogLevel = "debug" | "info" | "warning" | "error";

/** The logger of one part of the program, for example `log("poller")`. Never give it a body or a credential. */
export function log(part: string): Logger {
  return getLogger(["runwire", part]);
}

/**
 * Sends what is logged to standard error: JSON lines, or coloured text where a person looks on. Disposing of the result
 * writes what is still under way.
 */
export async function configureLog(level: LogLevel): Promise<AsyncDisposable> {
  const formatter = Deno.stderr.isTerminal() ? ansiColorFormatter : jsonLinesFormatter;
  // Between the log and standard error, which must stay open for what is said after the log has ended.
  const { readable, writable } = new TransformStream<Uint8Array>();
  const written = readable.pipeTo(Deno.stderr.writable, { preventClose: true });
  await configure({
    reset: true,
    sinks: { stderr: getStreamSink(writable, { formatter }) },
    loggers: [
      { category: "runwire", sinks: ["stderr"], lowestLevel: level },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
  return {
    async [Symbol.asyncDispose]() {
      await dispose();
      await written;
    },
  };
}
