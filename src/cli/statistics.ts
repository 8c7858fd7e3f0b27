import { systemClock } from "../clock.ts";
import { rebuildStatistics } from "../sql/statistics/rebuild.ts";
import { connectDatabase } from "./connect.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";

const TITLES = {
  runs: "Counting runs",
  workflows: "Adding up workflows",
  months: "Adding up months",
};

/** `runwire statistics rebuild`: computes all statistics anew, also while another Runwire serves. */
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
    throw new Error(
      "Interrupted: the statistics stay as they were, or are right already; run it again for all",
      { cause: error },
    );
  } finally {
    bar?.close();
  }
  print(`Counted ${counted} runs, and added up all statistics`);
}
