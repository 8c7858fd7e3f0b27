import { percentile } from "../percentile.ts";

const BYTES = 20_000;
const DURATION_MS = 2_000;

/** The speed of the disk for single deliveries: repeated `write` and `fdatasync`. */
export function measureDisk(folder: string): { perSecond: number; p50: number; p99: number } {
  using file = Deno.openSync(`${folder}/synced`, { create: true, write: true });
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  const times: number[] = [];
  const startedAt = performance.now();
  for (let now = startedAt; now - startedAt < DURATION_MS;) {
    const before = now;
    file.writeSync(bytes);
    file.syncDataSync();
    now = performance.now();
    times.push(now - before);
  }
  const perSecond = times.length / (performance.now() - startedAt) * 1_000;
  return { perSecond, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}
