import { systemClock } from "../clock.ts";
import { rebuildStatistics } from "../sql/statistics/rebuild.ts";
import { connectDatabase } from "./environment.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";

const TITLES = {
  runs: "Counting runs",
  workflows: "Aggregating workflows",
  months: "Aggregating months",
};

/** `runwire statistics rebuild`: recomputes all statistics; safe while the server runs. */
export async function rebuild(signal: AbortSignal): Promise<void> {
  await using database = await connectDatabase();
  let bar: ProgressBar | undefined;
  let counted = 0;
  try {
    await rebuildStatistics(database, signal, {
      clock: systemClock,
      onStep: (step) => {
        bar?.close();
        bar = new ProgressBar(TITLES[step], systemClock);
      },
      onProgress: (step, { done, total }) => {
        if (step === "runs") counted = done;
        bar?.show(done, total);
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error("Interrupted; run again to finish", { cause: error });
  } finally {
    bar?.close();
  }
  print(`Recomputed the statistics of ${counted} runs`);
}
