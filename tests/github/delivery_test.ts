import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseChanges, toOrderingKey } from "../../src/github/delivery.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { runJson } from "./fake_server.ts";

const REPOSITORY = {
  id: 8,
  full_name: "octo/a",
  pushed_at: "2026-01-02T03:04:05Z",
  private: false,
  default_branch: "main",
  html_url: "https://github.com/octo/a",
};
const OCTO_A = {
  id: 8,
  fullName: "octo/a",
  pushedAt: "2026-01-02T03:04:05Z",
  isPrivate: false,
  defaultBranch: "main",
  htmlUrl: "https://github.com/octo/a",
};
const MINIMAL = { id: 9, full_name: "octo/b", private: true };
const OCTO_B = { id: 9, fullName: "octo/b", pushedAt: null, isPrivate: true };

function parseEvent(event: string, payload: unknown): ChangeSet {
  return parseChanges(aDelivery({ event, payload: JSON.stringify(payload) }));
}

const JOB = {
  run_id: 7,
  run_attempt: 2,
  status: "in_progress",
  created_at: "2026-01-01T00:00:01Z",
  started_at: "2026-01-01T00:00:02Z",
  completed_at: "2026-01-01T00:00:03Z",
};

function parseJobEvent(action: string, fields: Record<string, unknown> = {}, rest = {}) {
  const payload = {
    action,
    workflow_job: { ...JOB, ...fields },
    repository: REPOSITORY,
    ...rest,
  };
  return parseEvent("workflow_job", payload).jobs;
}

Deno.test("parseChanges() returns the run of workflow_run", () => {
  for (const action of ["requested", "in_progress", "completed", "something_new"]) {
    const changeSet = parseEvent("workflow_run", {
      action,
      workflow_run: runJson(),
      repository: REPOSITORY,
    });
    const [run, ...rest] = changeSet.runs;
    assertEquals(rest, []);
    assertEquals([run?.id, run?.status, run?.conclusion], [30433642, "completed", "success"]);
    assertEquals([run?.repository, run?.source], ["octo-org/octo-repo", "webhook"]);
    assertEquals({ ...changeSet, runs: [] }, EMPTY_CHANGE_SET);
  }
});

Deno.test("parseChanges() accepts a run without a path, from an old server", () => {
  const workflow_run = runJson({ path: undefined });
  const [run] = parseEvent("workflow_run", { action: "completed", workflow_run }).runs;
  assertEquals(run?.workflowName, "Build");
});

Deno.test("parseChanges() returns when a job entered the state of its action", () => {
  const expected = { runId: 7, repository: "octo/a", runAttempt: 2 };
  assertEquals(parseJobEvent("waiting"), [{ ...expected, status: "waiting", at: JOB.created_at }]);
  assertEquals(parseJobEvent("queued"), [{ ...expected, status: "queued", at: JOB.created_at }]);
  assertEquals(parseJobEvent("in_progress"), [{
    ...expected,
    status: "in_progress",
    at: JOB.started_at,
  }]);
  assertEquals(parseJobEvent("completed"), [{
    ...expected,
    status: "completed",
    at: JOB.completed_at,
  }]);
});

Deno.test("parseChanges() counts an approved job as queued since the approval", () => {
  const rest = { deployment: { updated_at: "2026-01-01T00:09:00Z" } };
  const [state] = parseJobEvent("queued", { status: "waiting" }, rest);
  assertEquals([state?.status, state?.at], ["queued", "2026-01-01T00:09:00Z"]);
});

Deno.test("parseChanges() returns the complete job in the state of its action", () => {
  const whole = { id: 70, name: "build", runner_name: "r1", html_url: "https://github.com/job/70" };
  const ended = { status: "completed", conclusion: "failure" };
  const expected = {
    id: 70,
    runId: 7,
    runAttempt: 2,
    name: "build",
    status: "completed",
    conclusion: "failure",
    createdAt: JOB.created_at,
    startedAt: JOB.started_at,
    completedAt: JOB.completed_at,
    runnerName: "r1",
    htmlUrl: "https://github.com/job/70",
  };
  assertEquals(parseJobEvent("completed", { ...whole, ...ended })[0]?.job, expected);
  assertEquals(parseJobEvent("in_progress", { ...whole, ...ended, completed_at: null })[0]?.job, {
    ...expected,
    status: "in_progress",
    conclusion: null,
    completedAt: null,
  });
  // GitHub sends the time of creation as the start of a waiting job.
  assertEquals(parseJobEvent("queued", whole)[0]?.job?.startedAt, null);
  assertEquals(
    parseJobEvent("queued", { ...whole, runner_name: null, html_url: null })[0]?.job?.htmlUrl,
    null,
  );
  assertEquals(parseJobEvent("queued")[0]?.job, undefined);
});

Deno.test("parseChanges() accepts a job with missing fields", () => {
  const [state] = parseJobEvent("completed", {
    run_attempt: null,
    completed_at: null,
    started_at: null,
  });
  assertEquals([state?.runAttempt, state?.at], [1, JOB.created_at]);
  const timeless = { created_at: null, started_at: null, completed_at: null };
  assertEquals(parseJobEvent("queued", timeless), []);
  assertEquals(parseJobEvent("something_new"), []);
});

Deno.test("parseChanges() returns no changes for a null or missing body", () => {
  const rest = { action: "completed", repository: REPOSITORY };
  assertEquals(parseEvent("workflow_job", { ...rest, workflow_job: null }), EMPTY_CHANGE_SET);
  assertEquals(parseEvent("workflow_job", rest), EMPTY_CHANGE_SET);
  assertEquals(parseEvent("workflow_run", { ...rest, workflow_run: null }), EMPTY_CHANGE_SET);
  assertEquals(parseEvent("workflow_run", rest), EMPTY_CHANGE_SET);
});

Deno.test("parseChanges() returns the repository of a push, with its time in Unix seconds", () => {
  const pushed = { ...REPOSITORY, pushed_at: 1767323045 };
  assertEquals(parseEvent("push", { ref: "refs/heads/main", repository: pushed }), {
    ...EMPTY_CHANGE_SET,
    repositories: [OCTO_A],
  });
});

Deno.test("parseChanges() normalizes the time of a push", () => {
  const repositories = ["2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.678Z", 1767323045]
    .flatMap((pushed_at) =>
      parseEvent("push", { repository: { ...REPOSITORY, pushed_at } }).repositories
    );
  assertEquals(repositories, [OCTO_A, OCTO_A, OCTO_A]);
});

Deno.test("parseChanges() returns a changed or removed repository", () => {
  for (const action of ["created", "publicized", "privatized", "renamed", "edited", "archived"]) {
    assertEquals(parseEvent("repository", { action, repository: REPOSITORY }), {
      ...EMPTY_CHANGE_SET,
      repositories: [OCTO_A],
      accessChanged: [8],
    });
  }
  assertEquals(parseEvent("repository", { action: "deleted", repository: REPOSITORY }), {
    ...EMPTY_CHANGE_SET,
    removedRepositories: [8],
    accessChanged: [8],
  });
});

Deno.test("parseChanges() returns the repositories of a new or removed installation", () => {
  for (const action of ["created", "unsuspend", "new_permissions_accepted"]) {
    assertEquals(parseEvent("installation", { action, repositories: [MINIMAL] }), {
      ...EMPTY_CHANGE_SET,
      repositories: [OCTO_B],
      accessChanged: "all",
    });
  }
  for (const action of ["deleted", "suspend"]) {
    assertEquals(parseEvent("installation", { action, repositories: [MINIMAL] }), {
      ...EMPTY_CHANGE_SET,
      removedRepositories: [9],
      accessChanged: "all",
    });
    assertEquals(parseEvent("installation", { action }), {
      ...EMPTY_CHANGE_SET,
      accessChanged: "all",
    });
  }
});

Deno.test("parseChanges() returns the repositories added to or removed from an installation", () => {
  const payload = { repositories_added: [MINIMAL], repositories_removed: [{ id: 3 }] };
  assertEquals(parseEvent("installation_repositories", { action: "added", ...payload }), {
    ...EMPTY_CHANGE_SET,
    repositories: [OCTO_B],
    removedRepositories: [3],
    accessChanged: [9, 3],
  });
});

Deno.test("parseChanges() returns no changes for an unsupported event", () => {
  assertEquals(parseEvent("star", { action: "created" }), EMPTY_CHANGE_SET);
  assertEquals(parseEvent("constructor", {}), EMPTY_CHANGE_SET);
});

Deno.test("parseChanges() names the first invalid field, never its value", () => {
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ["workflow_run", { workflow_run: runJson({ id: "hunter2" }) }, "workflow_run.id: "],
    [
      "workflow_run",
      { workflow_run: runJson({ updated_at: "hunter2" }) },
      "workflow_run.updated_at: ",
    ],
    ["workflow_run", { workflow_run: "hunter2" }, "workflow_run: "],
    ["workflow_job", { action: "queued", workflow_job: JOB }, "repository: "],
    ["push", { repository: { ...REPOSITORY, pushed_at: 253402300800 } }, "repository.pushed_at: "],
    ["push", { repository: { ...REPOSITORY, pushed_at: "hunter2" } }, "repository.pushed_at: "],
    ["repository", { repository: REPOSITORY }, "action: "],
    [
      "installation",
      { action: "created", repositories: [{ id: 1 }] },
      "repositories[0].full_name: ",
    ],
  ];
  for (const [event, payload, field] of wrong) {
    const error = assertThrows(() => parseEvent(event, payload), Error, field);
    assert(!error.message.includes("hunter2"));
    assert(error.message.startsWith(`The payload of ${event} is not as documented: `));
  }
});

Deno.test("toOrderingKey() orders the deliveries of a run and of a repository", () => {
  const of = (event: string, payload: object) => toOrderingKey({ id: "guid", event }, payload);
  assertEquals(of("workflow_run", { workflow_run: { id: 7 }, repository: REPOSITORY }), "run 7");
  assertEquals(of("workflow_job", { workflow_job: JOB, repository: REPOSITORY }), "run 7");
  assertEquals(of("push", { repository: REPOSITORY }), "repository 8");
  assertEquals(of("repository", { repository: REPOSITORY }), "repository 8");
  assertEquals(of("installation", { installation: { id: 5 } }), "installation 5");
  assertEquals(of("installation_repositories", { installation: { id: 5 } }), "installation 5");
});

Deno.test("toOrderingKey() returns a unique key for an invalid payload, and none for an unsupported event", () => {
  assertEquals(toOrderingKey({ id: "guid", event: "workflow_job" }, {}), "delivery guid");
  assertEquals(
    toOrderingKey({ id: "guid", event: "push" }, { repository: { id: "8" } }),
    "delivery guid",
  );
  for (const event of ["star", "check_run", "constructor", "__proto__"]) {
    assertEquals(toOrderingKey({ id: "guid", event }, { repository: REPOSITORY }), undefined);
  }
});
