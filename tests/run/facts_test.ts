import { assertEquals } from "@std/assert";
import { computeFacts } from "../../src/run/facts.ts";
import type { Job } from "../../src/run/history.ts";
import type { Run } from "../../src/run/run.ts";
import { aJob } from "../fakes/fixtures/job.ts";
import { aRun } from "../fakes/stores/github.ts";

function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();
}

function ended(fields: Partial<Run> = {}): Run {
  const times = { createdAt: at(0), startedAt: at(10), updatedAt: at(100) };
  return aRun({ status: "completed", conclusion: "success", ...times, ...fields });
}

function aSuccessfulJob(fields: Partial<Job> = {}): Job {
  const times = { createdAt: at(10), startedAt: at(20), completedAt: at(80) };
  return aJob({ conclusion: "success", ...times, ...fields });
}

function computeFactsOfRun(run: Run, jobs: readonly Job[] = []) {
  return computeFacts(run, { attempts: [], jobs });
}

Deno.test("computeFacts() measures the duration from the start of the attempt, or else the creation", () => {
  assertEquals(computeFactsOfRun(ended()).durationMs, 90_000);
  assertEquals(computeFactsOfRun(ended({ startedAt: null })).durationMs, 100_000);
  assertEquals(computeFactsOfRun(ended({ startedAt: at(200) })).durationMs, 0);
});

Deno.test("computeFacts() has no duration for a run without a result", () => {
  const durations = [
    "failure",
    "startup_failure",
    "timed_out",
    "cancelled",
    "skipped",
    "future_value",
  ]
    .map((conclusion) => computeFactsOfRun(ended({ conclusion })).durationMs);
  assertEquals(durations, [90_000, 90_000, 90_000, null, null, null]);
});

Deno.test("computeFacts() ends the queue time at the first job start of the last attempt", () => {
  const run = ended({ runAttempt: 2 });
  const jobs = [
    aSuccessfulJob({ runAttempt: 1, startedAt: at(11) }),
    aSuccessfulJob({ runAttempt: 2, startedAt: at(40) }),
    aSuccessfulJob({ runAttempt: 2, startedAt: at(25) }),
    aSuccessfulJob({ runAttempt: 2, startedAt: at(12), conclusion: "skipped" }),
    aSuccessfulJob({ runAttempt: 2, startedAt: at(13), status: "queued", completedAt: null }),
  ];
  assertEquals(computeFactsOfRun(run, jobs).queueMs, 15_000);
  assertEquals(computeFactsOfRun(run, jobs.slice(0, 1)).queueMs, null);
  assertEquals(
    computeFactsOfRun(run, [aSuccessfulJob({ runAttempt: 2, startedAt: at(0) })]).queueMs,
    0,
  );
});

Deno.test("computeFacts() rounds each job of all attempts up to minutes", () => {
  const jobs = [
    aSuccessfulJob({ startedAt: at(0), completedAt: at(60) }),
    aSuccessfulJob({ startedAt: at(0), completedAt: at(61), runAttempt: 2 }),
    aSuccessfulJob({ startedAt: at(0), completedAt: null }),
    aSuccessfulJob({ startedAt: at(0), completedAt: at(600), conclusion: "skipped" }),
  ];
  assertEquals(computeFactsOfRun(ended({ runAttempt: 2 }), jobs).minutes, 3);
  assertEquals(computeFactsOfRun(ended(), jobs.slice(3)).minutes, 0);
});

Deno.test("computeFacts() uses the duration of a run without known jobs, unless nothing ran", () => {
  const minutes = ["success", "cancelled", "skipped", "action_required"]
    .map((conclusion) => computeFactsOfRun(ended({ conclusion })).minutes);
  assertEquals(minutes, [2, 2, 0, 0]);
});

Deno.test("computeFacts() detects an earlier failed attempt, ignoring cancelled ones", () => {
  const succeededOnRetry = (...conclusions: (string | null)[]) => {
    const attempts = conclusions.map((conclusion, before) => ({
      runAttempt: before + 1,
      conclusion,
    }));
    return computeFacts(ended({ runAttempt: 3 }), { attempts, jobs: [] }).succeededOnRetry;
  };
  assertEquals(succeededOnRetry("failure", "cancelled", "success"), true);
  assertEquals(succeededOnRetry("success", "timed_out", "success"), true);
  assertEquals(succeededOnRetry("failure", "success", "success"), false);
  assertEquals(succeededOnRetry(null, null, "failure"), false);
  assertEquals(succeededOnRetry(), false);
});
