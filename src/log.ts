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
type LogLevel = "debug" | "info" | "warning" | "error";

/** Returns the logger of a component, for example `log("poller")`. Never log a body or a credential. */
export function log(component: string): Logger {
  return getLogger(["runwire", component]);
}

/**
 * Writes log records to standard error: JSON lines, or colored text in a terminal. Redacts `secrets` and anything that looks
 * like a secret. Disposing of the result flushes pending records.
 */
export async function configureLog(
  level: LogLevel,
  { secrets = [] }: { readonly secrets?: readonly string[] } = {},
): Promise<AsyncDisposable> {
  const formatter = withRedaction(
    Deno.stderr.isTerminal() ? ansiColorFormatter : jsonLinesFormatter,
    secrets,
  );
  // Keeps standard error open for output after the log has ended.
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

/** A last safeguard: secrets are never logged, but the error of a library may quote its input. */
function withRedaction(formatter: TextFormatter, secrets: readonly string[]): TextFormatter {
  const redact = createRedactor(secrets);
  return (record) => redact(formatter(record));
}
