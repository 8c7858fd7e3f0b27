import { systemClock } from "../clock.ts";

/** Whatever hangs, the program ends within 5 s. */
const STOP_LIMIT_MS = 4_500;

/** Aborts when the program is asked to stop. Asked twice, or hanging, it exits with 1. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) Deno.exit(1);
    stop.abort();
    void systemClock.sleep(STOP_LIMIT_MS).then(() => Deno.exit(1));
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, onSignal);
  return stop.signal;
}
