import type { Visibility } from "../../visibility.ts";
import type { Clock } from "../../clock.ts";
import { isTransient } from "../../errors.ts";

const RETRY_MS = 5_000;

/**
 * What may be seen, as soon as that can be known: while it cannot, a client that stays connected is told nothing, and is not
 * sent away. At once where `visible` tells at once. Once `signal` has aborted, which is the client's own, it is nothing.
 * @throws {LoginRefusedError} as Caller does
 */
export function retryVisibility(
  resolve: () => Visibility | Promise<Visibility>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): () => Visibility | Promise<Visibility> {
  const nothing = new Set<string>();
  const retry = async (first: Promise<Visibility>): Promise<Visibility> => {
    for (let result: Visibility | Promise<Visibility> = first;;) {
      try {
        return await result;
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      await clock.sleep(RETRY_MS, signal);
      if (signal.aborted) return nothing;
      result = resolve();
    }
  };
  return () => {
    if (signal.aborted) return nothing;
    const result = resolve();
    return result instanceof Promise ? retry(result) : result;
  };
}
