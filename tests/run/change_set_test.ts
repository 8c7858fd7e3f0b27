import { assertEquals, assertStrictEquals } from "@std/assert";
import { applyJobState, type JobState } from "../../src/run/change_set.ts";
import { aRun } from "../fakes/stores/github.ts";

const RUN = aRun({ status: "queued", updatedAt: "2026-01-01T00:00:10Z" });

function job(fields: Partial<JobState>): JobState {
  return {
    runId: 1,
    repository: "octo/a",
    runAttempt: 1,
    status: "in_progress",
    at: "2026-01-01T00:00:20Z",
    ...fields,
  };
}

Deno.test("applyJobState() sets a run in progress when a job has started or completed", () => {
  for (const status of ["in_progress", "completed"]) {
    assertEquals(applyJobState(RUN, job({ status })), {
      ...RUN,
      status: "in_progress",
      updatedAt: "2026-01-01T00:00:20Z",
      source: "webhook",
    });
  }
});

Deno.test("applyJobState() sets a run waiting, unless another job has started", () => {
  assertEquals(applyJobState(RUN, job({ status: "waiting" })).status, "waiting");
  const running = { ...RUN, status: "in_progress" };
  assertStrictEquals(applyJobState(running, job({ status: "waiting" })), running);
  assertStrictEquals(applyJobState(running, job({ status: "queued" })), running);
});

Deno.test("applyJobState() ignores completed runs, other attempts and older jobs", () => {
  const done = { ...RUN, status: "completed" };
  assertStrictEquals(applyJobState(done, job({})), done);
  assertStrictEquals(applyJobState(RUN, job({ runAttempt: 2 })), RUN);
  assertStrictEquals(applyJobState(RUN, job({ at: "2026-01-01T00:00:09Z" })), RUN);
});
