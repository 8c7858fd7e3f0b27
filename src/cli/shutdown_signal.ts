import { systemClock } from "../clock.ts";

/** Shutdown takes at most 5 s. */
const SHUTDOWN_TIMEOUT_MS = 4_500;

/** Aborts on SIGINT or SIGTERM. A second signal or a shutdown that hangs exits with 1. */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) Deno.exit(1);
    controller.abort();
    void systemClock.sleep(SHUTDOWN_TIMEOUT_MS).then(() => Deno.exit(1));
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, onSignal);
  return controller.signal;
}
