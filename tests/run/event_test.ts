import { assertEquals } from "@std/assert";
import { StatusPublisher, toRunEvent } from "../../src/run/event.ts";
import { aRun } from "../fakes/stores/github.ts";

Deno.test("toRunEvent() uses the field names of the wire", () => {
  const run = aRun({
    status: "completed",
    conclusion: "success",
    startedAt: "2026-01-01T00:00:10Z",
    updatedAt: "2026-01-01T00:01:40Z",
  });
  assertEquals(toRunEvent(run), {
    type: "run",
    repository: "octo/a",
    data: {
      id: 1,
      repository: "octo/a",
      workflow_id: 7,
      workflow_name: "CI",
      display_title: "Fix the build",
      event: "push",
      status: "completed",
      conclusion: "success",
      branch: "main",
      head_sha: "0123456789012345678901234567890123456789",
      actor: "octocat",
      run_number: 1,
      run_attempt: 1,
      created_at: "2026-01-01T00:00:00Z",
      started_at: "2026-01-01T00:00:10Z",
      updated_at: "2026-01-01T00:01:40Z",
      duration_seconds: 90,
      html_url: "https://github.com/octo/a/actions/runs/1",
    },
  });
});

Deno.test("toRunEvent() has no duration until the run has completed", () => {
  assertEquals(toRunEvent(aRun({ status: "in_progress" })).data.duration_seconds, null);
});

Deno.test("StatusPublisher publishes each change of the status once", () => {
  const published: unknown[] = [];
  const publisher = new StatusPublisher((event) => published.push(event.data));
  const polling = { state: "polling", waitingUntil: null } as const;
  publisher.update({ ...polling, lastSuccessAt: null });
  publisher.update({ ...polling, lastSuccessAt: 1 });
  publisher.update({ state: "waiting", waitingUntil: 60_000, lastSuccessAt: 1 });
  publisher.update({ state: "waiting", waitingUntil: 120_000, lastSuccessAt: 1 });
  publisher.update({ ...polling, lastSuccessAt: 2 });
  assertEquals(published, [
    { state: "polling", waiting_until: null },
    { state: "waiting", waiting_until: "1970-01-01T00:01:00.000Z" },
    { state: "waiting", waiting_until: "1970-01-01T00:02:00.000Z" },
    { state: "polling", waiting_until: null },
  ]);
});
