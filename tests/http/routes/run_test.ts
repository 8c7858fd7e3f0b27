import { assertEquals } from "@std/assert";
import { DATE_RANGE_FORMS } from "../../../src/http/date_range.ts";
import { runRoutes } from "../../../src/http/routes/run.ts";
import { toRunData } from "../../../src/run/event.ts";
import { FakeRunHistory } from "../../fakes/stores/run_history.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

async function start() {
  const history = new FakeRunHistory();
  return { history, server: await new ServerUnderTest({ data: [runRoutes({ history })] }).start() };
}

async function get(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

for (const base of ["", "/api/v1"]) {
  Deno.test(`GET ${base}/runs lists runs with the fields of events`, async () => {
    const { history, server } = await start();
    await using _ = server;
    history.runs = [aRun({ id: 2, status: "completed", conclusion: "success" }), aRun()];
    const { status, headers, body } = await get(`${server.url}${base}/runs`);
    assertEquals([status, headers.get("link")], [200, null]);
    assertEquals(body, { total_count: 2, items: history.runs.map(toRunData) });
  });
}

Deno.test("GET /runs queries the newest runs first, without filters", async () => {
  const { history, server } = await start();
  await using _ = server;
  await get(`${server.url}/runs`);
  const [query] = history.queries;
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  assertEquals(Object.fromEntries(given), {
    visibility: "all",
    direction: "desc",
    page: 1,
    perPage: 30,
  });
});

Deno.test("GET /runs passes every filter to the store", async () => {
  const { history, server } = await start();
  await using _ = server;
  const filters = new URLSearchParams({
    repository: "octo/a",
    workflow_id: "7",
    status: "completed",
    conclusion: "failure",
    event: "push",
    branch: "feature/ä b",
    actor: "dependabot[bot]",
    created: "2026-01-01..2026-01-31",
    q: "Fix the größe_2!",
    sort: "created",
    direction: "asc",
    page: "3",
    per_page: "50",
  });
  assertEquals((await get(`${server.url}/runs?${filters}`)).status, 200);
  assertEquals(history.queries, [{
    visibility: "all",
    repository: "octo/a",
    workflowId: 7,
    status: "completed",
    conclusion: "failure",
    event: "push",
    branch: "feature/ä b",
    actor: "dependabot[bot]",
    createdFrom: Date.parse("2026-01-01T00:00:00Z"),
    createdBefore: Date.parse("2026-02-01T00:00:00Z"),
    words: ["Fix", "the", "größe", "2"],
    direction: "asc",
    page: 3,
    perPage: 50,
  }]);
});

Deno.test("GET /runs rejects invalid parameters", async (t) => {
  const { history, server } = await start();
  await using _ = server;
  const id = "an integer from 1 to 9007199254740991";
  const page = "an integer from 1 to 10000";
  const name = "1 to 255 characters without control characters";
  const words = "up to 10 words, at least one with a letter or digit";
  for (
    const [query, detail] of [
      [
        "statu=completed",
        'Unknown parameter "statu": expected repository, workflow_id, status, conclusion, event, ' +
        "branch, actor, created, q, sort, direction, page, or per_page",
      ],
      [
        "status=done",
        'Invalid status "done": expected queued, in_progress, completed, waiting, requested, or pending',
      ],
      [
        "conclusion=",
        'Invalid conclusion "": expected success, failure, neutral, cancelled, skipped, ' +
        "timed_out, action_required, stale, or startup_failure",
      ],
      ["page=0", `Invalid page "0": expected ${page}`],
      ["page=1&page=2", `Invalid page "1,2": expected ${page}`],
      ["page=1e2", `Invalid page "1e2": expected ${page}`],
      ["per_page=101", 'Invalid per_page "101": expected an integer from 1 to 100'],
      ["workflow_id=ci.yml", `Invalid workflow_id "ci.yml": expected ${id}`],
      ["repository=octo", 'Invalid repository "octo": expected owner/name'],
      ["branch=a%00b", `Invalid branch "a\u0000b": expected ${name}`],
      [`actor=${"x".repeat(300)}`, `Invalid actor "${"x".repeat(100)}…": expected ${name}`],
      ["created=2026-02-30", `Invalid created "2026-02-30": expected ${DATE_RANGE_FORMS}`],
      ["q=-", `Invalid q "-": expected ${words}`],
      ["q=a+b+c+d+e+f+g+h+i+j+k", `Invalid q "a b c d e f g h i j k": expected ${words}`],
      ["sort=name", 'Invalid sort "name": expected created'],
      ["direction=up", 'Invalid direction "up": expected asc or desc'],
    ] as const
  ) {
    await t.step(query.slice(0, 40), async () => {
      const { status, body } = await get(`${server.url}/runs?${query}`);
      assertEquals([status, body.code, body.detail], [400, "invalid_parameter", detail]);
    });
  }
  assertEquals(history.queries, []);
});

Deno.test("GET /runs reports a capped total, and rejects pages beyond it", async () => {
  const { history, server } = await start();
  await using _ = server;
  history.total = 999;
  assertEquals("total_count_capped" in (await get(`${server.url}/runs`)).body, false);
  history.total = 1_000;
  const { body } = await get(`${server.url}/runs?page=10&per_page=100`);
  assertEquals([body.total_count, body.total_count_capped], [1_000, true]);
  const beyond = await get(`${server.url}/runs?page=11&per_page=100`);
  assertEquals([beyond.status, beyond.body.code], [400, "invalid_parameter"]);
  assertEquals(
    beyond.body.detail,
    'Invalid page "11": expected an integer from 1 to 10; to reach older runs, narrow the list with created=*..DAY',
  );
});

Deno.test("GET /runs/{id} returns a run with its attempts and jobs", async () => {
  const { history, server } = await start();
  await using _ = server;
  const run = aRun({ status: "completed", conclusion: "success", runAttempt: 2 });
  const times = { startedAt: "2026-01-01T00:01:00Z", updatedAt: "2026-01-01T00:03:30Z" };
  const job = {
    id: 5,
    runId: run.id,
    name: "build",
    status: "completed",
    conclusion: "success",
    createdAt: "2026-01-01T00:01:00Z",
    startedAt: "2026-01-01T00:01:07Z",
    completedAt: "2026-01-01T00:03:00Z",
    runnerName: "runner-1",
    htmlUrl: null,
  };
  history.runDetail = {
    run,
    attempts: [
      { runAttempt: 1, status: "completed", conclusion: "failure", ...times },
      { runAttempt: 2, status: "in_progress", conclusion: null, ...times, startedAt: null },
    ],
    jobs: [
      { ...job, runAttempt: 1 },
      { ...job, id: 6, runAttempt: 2, status: "queued", startedAt: null, completedAt: null },
    ],
  };
  const { status, body } = await get(`${server.url}/runs/1`);
  assertEquals(status, 200);
  const { attempts, jobs, ...data } = body;
  assertEquals(data, toRunData(run));
  assertEquals(attempts, [
    {
      run_attempt: 1,
      status: "completed",
      conclusion: "failure",
      started_at: times.startedAt,
      updated_at: times.updatedAt,
      duration_seconds: 150,
    },
    {
      run_attempt: 2,
      status: "in_progress",
      conclusion: null,
      started_at: null,
      updated_at: times.updatedAt,
      duration_seconds: null,
    },
  ]);
  assertEquals(jobs[0], {
    id: 5,
    run_attempt: 1,
    name: "build",
    status: "completed",
    conclusion: "success",
    created_at: job.createdAt,
    started_at: job.startedAt,
    completed_at: job.completedAt,
    duration_seconds: 113,
    queue_seconds: 7,
    runner_name: "runner-1",
    html_url: null,
  });
  assertEquals([jobs[1].duration_seconds, jobs[1].queue_seconds], [null, null]);
});

Deno.test("GET /runs/{id} answers 404 for an unknown run, 400 for an invalid id", async () => {
  const { server } = await start();
  await using _ = server;
  const missing = await get(`${server.url}/runs/9`);
  assertEquals([missing.status, missing.body.code], [404, "not_found"]);
  assertEquals(missing.body.detail, "Run 9 not found");
  const wrong = await get(`${server.url}/api/v1/runs/latest`);
  assertEquals([wrong.status, wrong.body.code], [400, "invalid_parameter"]);
  assertEquals(
    wrong.body.detail,
    'Invalid id "latest": expected an integer from 1 to 9007199254740991',
  );
  const extra = await get(`${server.url}/runs/9?fields=id`);
  assertEquals([extra.status, extra.body.code], [400, "invalid_parameter"]);
});
