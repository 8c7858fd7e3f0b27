import type { FullRun } from "../run/snapshot.ts";

/** The output of `runwire watch`. */
export interface Screen {
  open(): void;
  show(runs: readonly FullRun[]): void;
  /** Shows the state of the connection. */
  showStatus(text: string): void;
  close(): void;
}
