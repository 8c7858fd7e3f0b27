import definitions from "@octokit/webhooks-examples" with { type: "json" };

/** The fields that distinguish the states of a run. */
export interface RunState {
  readonly run: number;
  readonly attempt: number;
  readonly status: string;
  readonly conclusion: string | null;
  /** RFC 3339; no two states of a run have the same. */
  readonly updatedAt: string;
}

/** A delivery of the event `workflow_run`, as GitHub posts it. */
export interface RunDelivery {
  /** `X-GitHub-Delivery` */
  readonly id: string;
  readonly body: string;
  readonly state: RunState;
}

export interface RunDeliveriesOptions {
  readonly random: () => number;
  /** The number of characters added to each payload. */
  readonly filler?: number;
  /** The id of the first run, so that deliveries to several instances have different runs. */
  readonly firstRun?: number;
}

const FIRST_RUN = 9_000_000_000;
/** The maximum distance of a delivery from its place in order. */
const MAX_SHIFT = 30;
/** The steps of a run, in order. */
const STEPS = [
  ["requested", 1, "queued", null],
  ["in_progress", 1, "in_progress", null],
  ["completed", 1, "completed", "failure"],
  ["requested", 2, "queued", null],
  ["completed", 2, "completed", "success"],
] as const;

/** `count` deliveries of many runs, out of order; some runs do not finish. */
export function createRunDeliveries(
  count: number,
  { random, filler = 0, firstRun = FIRST_RUN }: RunDeliveriesOptions,
): readonly RunDelivery[] {
  const padding = "x".repeat(filler);
  // GitHub counts in seconds.
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  const deliveries: RunDelivery[] = [];
  for (let run = firstRun; deliveries.length < count; run++) {
    const steps = STEPS.slice(0, 1 + Math.floor(random() * STEPS.length));
    for (const [index, [action, attempt, status, conclusion]] of steps.entries()) {
      const updatedAt = rfc3339(start + index * 1_000);
      const state = { run, attempt, status, conclusion, updatedAt };
      const body = JSON.stringify(payload(action, { state, createdAt: rfc3339(start), padding }));
      deliveries.push({ id: crypto.randomUUID(), body, state });
    }
  }
  return deliveries.slice(0, count)
    .map((delivery, index) => ({ delivery, position: index + random() * MAX_SHIFT }))
    .sort((a, b) => a.position - b.position)
    .map(({ delivery }) => delivery);
}

/** An example of GitHub with the fields of another run. */
function payload(
  action: string,
  { state, createdAt, padding }: { state: RunState; createdAt: string; padding: string },
) {
  const { run, attempt, status, conclusion, updatedAt } = state;
  const example = definitions.find(({ name }) => name === "workflow_run")?.examples
    .find((each) => "action" in each && each.action === "requested");
  if (!example || !("workflow_run" in example)) throw new Error("There is no example of a run");
  return {
    ...example,
    action,
    workflow_run: {
      ...example.workflow_run,
      id: run,
      run_attempt: attempt,
      status,
      conclusion,
      created_at: createdAt,
      run_started_at: createdAt,
      updated_at: updatedAt,
    },
    ...padding === "" ? {} : { padding },
  };
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
