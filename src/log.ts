import {
  ansiColorFormatter,
  configure,
  dispose,
  getLogger,
  getStreamSink,
  jsonLinesFormatter,
  type Logger,
  type TextFormatter,
  withContext,
} from "@logtape/logtape";
import { AsyncLocalStorage } from "node:async_hooks";
import { createRedactor } from "./redact.ts";

export { type Logger, withContext };
export type LogLevel = "debug" | "info" | "warning" | "error";

/** The logger of one part of the program, for example `log("poller")`. Never give it a body or a credential. */
export function log(component: string): Logger {
  return getLogger(["runwire", component]);
}

/**
 * Sends what is logged to standard error: JSON lines, or coloured text where a person looks on; without these secrets, and
 * without what looks like one. Disposing of the result writes what is still under way.
 */
export async function configureLog(
  level: LogLevel,
  { secrets = [] }: { readonly secrets?: readonly string[] } = {},
): Promise<AsyncDisposable> {
  const formatter = withRedaction(
    Deno.stderr.isTerminal() ? ansiColorFormatter : jsonLinesFormatter,
    secrets,
  );
  // Between the log and standard error, which must stay open for what is said after the log has ended.
  const { readable, writable } = new TransformStream<Uint8Array>();
  const written = readable.pipeTo(Deno.stderr.writable, { preventClose: true });
  await configure({
    reset: true,
    contextLocalStorage: new AsyncLocalStorage(),
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

/** The last guard: a secret has no business in a log, but a library's error may quote what it was given. */
function withRedaction(formatter: TextFormatter, secrets: readonly string[]): TextFormatter {
  const redact = createRedactor(secrets);
  return (record) => redact(formatter(record));
}
