import { DAY_MS } from "../../src/clock.ts";
import type { Run } from "../../src/run/run.ts";

export const REPOSITORIES = 500;
export const WORKFLOWS_PER_REPOSITORY = 4;
/** The last day with runs, and the end of the statistics ranges. */
export const LAST_DAY = "2026-06-30";
export const DAYS = 365;

const END = Date.parse(LAST_DAY) + DAY_MS;
const BEGIN = END - DAYS * DAY_MS;
const FIRST_RUN = 10_000_000_000;
const ACTORS = 300;
const BRANCHES_PER_REPOSITORY = 150;
const EVENTS = weighted({ push: 50, pull_request: 38, schedule: 10, workflow_dispatch: 2 });
const CONCLUSIONS = weighted({ success: 80, failure: 13, cancelled: 5, timed_out: 1, skipped: 1 });
const WORKFLOWS = ["CI", "Deploy", "Lint", "Release"];
const VERBS = ["Fix", "Add", "Remove", "Rename", "Speed up", "Test", "Document", "Revert"];
const THINGS = [
  "rounding",
  "the cache",
  "login",
  "retries",
  "dates",
  "the parser",
  "search",
  "flags",
];
const PLACES = ["of carts", "in the API", "on mobile", "for guests", "in reports", "of queues"];

/** Numbers from 0 (inclusive) to 1 (exclusive), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function repositoryName(at: number): string {
  return `org-${at % 10}/repository-${at}`;
}

/** Runs in order of creation, evenly distributed over the days; a tenth of the repositories has half of them. */
export function* generateRuns(count: number): Generator<Run> {
  const random = seededRandom(1);
  const numbers = new Map<number, number>();
  for (let at = 0; at < count; at++) {
    const isBusy = random() < 0.5;
    const repository = Math.floor(random() * (isBusy ? REPOSITORIES / 10 : REPOSITORIES));
    const workflow = Math.floor(random() * WORKFLOWS_PER_REPOSITORY);
    const workflowId = 1_000 + repository * WORKFLOWS_PER_REPOSITORY + workflow;
    const runNumber = (numbers.get(workflowId) ?? 0) + 1;
    numbers.set(workflowId, runNumber);
    const createdMs = BEGIN + Math.floor((END - BEGIN) * at / count / 1_000) * 1_000;
    const seconds = Math.ceil(30 + random() ** 3 * 1_800);
    const isOpen = at > count - 50;
    const name = WORKFLOWS[workflow] ?? "CI";
    const id = FIRST_RUN + at;
    yield {
      id,
      repository: repositoryName(repository),
      workflowId,
      workflowName: name,
      displayTitle: `${pick(VERBS, random)} ${pick(THINGS, random)} ${pick(PLACES, random)} #${at}`,
      event: pick(EVENTS, random),
      status: isOpen ? "in_progress" : "completed",
      conclusion: isOpen ? null : pick(CONCLUSIONS, random),
      branch: random() < 0.6 ? "main" : `feature-${Math.floor(random() * BRANCHES_PER_REPOSITORY)}`,
      headSha: Math.floor(at / 3).toString(16).padStart(40, "0"),
      actor: `user-${Math.floor(random() ** 2 * ACTORS)}`,
      runNumber,
      runAttempt: random() < 0.03 ? 2 : 1,
      createdAt: rfc3339(createdMs),
      startedAt: rfc3339(createdMs),
      updatedAt: rfc3339(createdMs + seconds * 1_000),
      htmlUrl: `https://github.com/${repositoryName(repository)}/actions/runs/${id}`,
      source: "webhook",
    };
  }
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

function weighted(weights: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(weights).flatMap(([value, weight]) => Array<string>(weight).fill(value));
}

function pick(values: readonly string[], random: () => number): string {
  return values[Math.floor(random() * values.length)] ?? "";
}
