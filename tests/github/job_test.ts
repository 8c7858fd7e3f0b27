import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { GitHubJobs } from "../../src/github/job.ts";
import { Simulator } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";
import { FakeServer, neverAborted, nextPageHeader, rejectedGitHubError } from "./fake_server.ts";

const ATTEMPT = { id: 7, repository: "octo/a", runAttempt: 2 };

function jobJson(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 70,
    run_id: 7,
    run_attempt: 2,
    name: "build",
    status: "completed",
    conclusion: "success",
    created_at: "2026-01-01T00:00:00Z",
    started_at: "2026-01-01T00:00:01Z",
    completed_at: "2026-01-01T00:00:02Z",
    runner_name: "r1",
    html_url: "https://github.com/octo/a/actions/runs/7/job/70",
    ...fields,
  };
}

const JOB = {
  id: 70,
  runId: 7,
  runAttempt: 2,
  name: "build",
  status: "completed",
  conclusion: "success",
  createdAt: "2026-01-01T00:00:00Z",
  startedAt: "2026-01-01T00:00:01Z",
  completedAt: "2026-01-01T00:00:02Z",
  runnerName: "r1",
  htmlUrl: "https://github.com/octo/a/actions/runs/7/job/70",
};

Deno.test("GitHubJobs.listForAttempt() reads all pages", async () => {
  await using server = new FakeServer((request, count) =>
    count === 1
      ? Response.json({ jobs: [jobJson()] }, { headers: nextPageHeader(request, "/more") })
      : Response.json({ jobs: [jobJson({ id: 71 })] })
  );
  const jobs = await new GitHubJobs(server.github()).listForAttempt(ATTEMPT, neverAborted);
  assertEquals(jobs, [JOB, { ...JOB, id: 71 }]);
  const path = "/repos/octo/a/actions/runs/7/attempts/2/jobs?per_page=100";
  assertEquals(server.requestedPaths, [path, "/more"]);
});

Deno.test("GitHubJobs.listForAttempt() accepts missing fields", async () => {
  const open = {
    status: "something_new",
    conclusion: null,
    run_attempt: null,
    created_at: undefined,
    completed_at: null,
    runner_name: null,
    html_url: null,
  };
  await using server = new FakeServer(() => Response.json({ jobs: [jobJson(open)] }));
  assertEquals(await new GitHubJobs(server.github()).listForAttempt(ATTEMPT, neverAborted), [{
    ...JOB,
    runAttempt: 1,
    status: "something_new",
    conclusion: null,
    createdAt: null,
    startedAt: null,
    completedAt: null,
    runnerName: null,
    htmlUrl: null,
  }]);
});

Deno.test("GitHubJobs.listForAttempt() reads the jobs of a simulated run, and fails for an unknown attempt", async () => {
  const world = new World({ clock: systemClock });
  world.addRepository({ full_name: "octo/a" });
  const { id } = world.addRun("octo/a", { status: "completed" });
  const simulator = new Simulator({ world, clock: systemClock, tokens: ["secret"] });
  const stop = new AbortController();
  const { url, finished } = simulator.listen({
    hostname: "127.0.0.1",
    port: 0,
    signal: stop.signal,
  });
  await using server = new FakeServer((request) => {
    const { pathname, search } = new URL(request.url);
    return fetch(url + pathname + search, { headers: request.headers });
  });
  const jobs = new GitHubJobs(server.github());
  const [job, ...rest] = await jobs.listForAttempt(
    { ...ATTEMPT, id, runAttempt: 1 },
    neverAborted,
  );
  assertEquals(rest, []);
  assertEquals([job?.runId, job?.runAttempt, job?.status], [id, 1, "completed"]);
  for (const unknown of [{ ...ATTEMPT, id }, { ...ATTEMPT, id: 1 }]) {
    const { failure } = await rejectedGitHubError(jobs.listForAttempt(unknown, neverAborted));
    assertEquals(failure, { kind: "not_accessible", status: 404 });
  }
  stop.abort();
  await finished;
});
