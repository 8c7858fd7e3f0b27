import { assertEquals } from "@std/assert";
import type { Visibility } from "../../../src/visibility.ts";
import { systemClock as clock } from "../../../src/clock.ts";
import { repositoryRoutes } from "../../../src/http/routes/repository.ts";
import { runRoutes } from "../../../src/http/routes/run.ts";
import { statisticsRoutes } from "../../../src/http/routes/statistics.ts";
import { workflowRoutes } from "../../../src/http/routes/workflow.ts";
import { SqlCatalog } from "../../../src/sql/catalog.ts";
import type { Database } from "../../../src/sql/database.ts";
import { SqlFollowStore } from "../../../src/sql/follow_store.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { SqlRunHistory } from "../../../src/sql/run/run_history.ts";
import { SqlStatisticsStore } from "../../../src/sql/statistics/statistics.ts";
import { FakeAuthenticator, keyPrincipal } from "../../fakes/stores/authenticator.ts";
import { openTestDatabase } from "../../fakes/database.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const NAMES = ["Octo/visible", "octo/hidden"];
const VISIBLE: Visibility = new Set(["octo/visible"]);
const STATS = "/stats?from=2026-01-01&to=2026-01-31";

/** Two repositories, each with a workflow and a run with the same id: 1 is visible, 2 is hidden. */
async function fill(database: Database): Promise<void> {
  const follows = new SqlFollowStore(database, clock);
  for (const [at, fullName] of NAMES.entries()) {
    const id = at + 1;
    const ci = { id, name: `CI of ${fullName}`, path: "ci.yml", state: "active", htmlUrl: "" };
    await follows.follow({ id, fullName, pushedAt: null }, [ci]);
    const run = { id, repository: fullName, workflowId: id, workflowName: ci.name };
    await new SqlRunStore(database, clock).put([
      aRun({ ...run, status: "completed", conclusion: "success", htmlUrl: fullName }),
    ]);
  }
}

/** The data routes over a database, for a caller with full access and for one with the visibility VISIBLE. */
async function start() {
  await using stack = new AsyncDisposableStack();
  const { database } = stack.use(await openTestDatabase("memory"));
  await fill(database);
  const unfollowed: number[] = [];
  const authenticator = new FakeAuthenticator({ isOpen: true });
  const permissions = new Set(["read", "write"] as const);
  authenticator.principals.set(
    "k",
    keyPrincipal({ permissions, visibility: () => Promise.resolve(VISIBLE) }),
  );
  const catalog = new SqlCatalog(database);
  const history = new SqlRunHistory(database);
  const followManager = {
    follow: () => Promise.reject(new Error("Not implemented")),
    unfollow: (id: number, { visibility }: { readonly visibility: Visibility }) => {
      assertEquals(visibility, VISIBLE);
      unfollowed.push(id);
      return Promise.resolve(undefined);
    },
  };
  const data = [
    runRoutes({ history }),
    workflowRoutes({ catalog, history }),
    repositoryRoutes({ catalog, followManager, clock }),
    statisticsRoutes({ statistics: new SqlStatisticsStore(database), clock }),
  ];
  const server = stack.use(await new ServerUnderTest({ data, authenticator }).start());
  const request = async (path: string, { isOpen = false, method = "GET" } = {}) => {
    const headers: Record<string, string> = isOpen ? {} : { authorization: "Bearer k" };
    const response = await fetch(`${server.url}${path}`, { method, headers });
    return {
      status: response.status,
      link: response.headers.get("link"),
      text: await response.text(),
    };
  };
  const all = stack.move();
  return { request, unfollowed, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

for (
  const path of [
    ...["/runs", "/workflows", "/repositories"].map((list) => `${list}?per_page=1`),
    ...["workflow", "repository"].map((group) => `${STATS}&group_by=${group}&per_page=1`),
  ]
) {
  Deno.test(`GET ${path} lists, counts and links visible items`, async () => {
    await using test = await start();
    const { link, text } = await test.request(path);
    assertEquals(JSON.parse(text).total_count, 1);
    assertEquals([link, /visible/.test(text), /hidden/.test(text)], [null, true, false]);
    const open = await test.request(path, { isOpen: true });
    assertEquals(JSON.parse(open.text).total_count, 2);
  });
}

Deno.test("GET /stats adds up visible runs", async () => {
  await using test = await start();
  const runs = async (query: string, isOpen = false) => {
    const { totals, items } = JSON.parse((await test.request(`${STATS}${query}`, { isOpen })).text);
    return [totals.runs, items.reduce((sum: number, item: { runs: number }) => sum + item.runs, 0)];
  };
  assertEquals(await runs("&per_page=100", true), [2, 2]);
  for (const query of ["", "&group_by=week", "&branch=main", "&repository=OCTO/visible"]) {
    assertEquals(await runs(`${query}&per_page=100`), [1, 1], query);
  }
  for (const query of ["&repository=octo/hidden", "&workflow=2", "&workflow=2&branch=main"]) {
    assertEquals(await runs(`${query}&per_page=100`), [0, 0], query);
  }
});

for (const noun of ["runs", "workflows", "repositories"]) {
  Deno.test(`GET /${noun}/{id} answers hidden items like missing ones`, async () => {
    await using test = await start();
    assertEquals((await test.request(`/${noun}/1`)).status, 200);
    assertEquals((await test.request(`/${noun}/2`, { isOpen: true })).status, 200);
    const [hidden, missing] = [await test.request(`/${noun}/2`), await test.request(`/${noun}/3`)];
    assertEquals(hidden, { ...missing, text: missing.text.replace("3", "2") });
    assertEquals(hidden.status, 404);
  });
}

Deno.test("GET /runs finds no hidden run with any filter", async () => {
  await using test = await start();
  for (const query of ["repository=octo/hidden", "workflow_id=2", "event=push", "q=fix"]) {
    assertEquals((await test.request(`/runs?${query}`)).text.includes("hidden"), false, query);
  }
});

Deno.test("DELETE /repositories/{id} passes the visibility, and answers like a missing repository", async () => {
  await using test = await start();
  const { status, text } = await test.request("/repositories/2", { method: "DELETE" });
  assertEquals([status, JSON.parse(text).code, test.unfollowed], [404, "not_found", [2]]);
});
