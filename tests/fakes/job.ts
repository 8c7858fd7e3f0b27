import type { Job } from "../../src/run/history.ts";

/** A job of `aRun()` that has nothing special about it. */
export function aJob(fields: Partial<Job> = {}): Job {
  return {
    id: 1,
    runId: 1,
    runAttempt: 1,
    name: "build",
    status: "completed",
    conclusion: null,
    createdAt: "2026-01-01T00:00:01Z",
    startedAt: "2026-01-01T00:00:02Z",
    completedAt: null,
    runnerName: "GitHub Actions 1",
    htmlUrl: "https://github.com/octo/a/actions/runs/1/job/1",
    ...fields,
  };
}
