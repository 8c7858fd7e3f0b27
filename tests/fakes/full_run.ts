import { type FullRun, Snapshot } from "../../src/run/snapshot.ts";
import { aRun } from "./github.ts";

/** A run as clients of the full view read it. */
export function aFullRun(fields: Partial<FullRun> = {}): FullRun {
  return { ...JSON.parse(new Snapshot([aRun()], 0).encode("full", "all")).runs[0], ...fields };
}
