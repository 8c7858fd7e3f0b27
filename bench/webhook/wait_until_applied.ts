import { DatabaseSync } from "node:sqlite";

const POLL_INTERVAL_MS = 10;
const TIMEOUT_MS = 120_000;

/** Waits until `count` deliveries are applied; resolves to the waiting time in ms. */
export async function waitUntilApplied(file: string, count: number): Promise<number> {
  const startedAt = performance.now();
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 });
  try {
    const done = database.prepare("select count(*) as n from deliveries where state = 'done'");
    for (;;) {
      const waited = performance.now() - startedAt;
      const n = Number(done.get()?.n);
      if (n === count) return waited;
      if (waited > TIMEOUT_MS || n > count) {
        throw new Error(`expected ${count} applied deliveries, found ${n}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    }
  } finally {
    database.close();
  }
}
