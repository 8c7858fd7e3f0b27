import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { addHistoricalRuns } from "../../src/simulator/world/history_seed.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { AppUnderTest, TOKEN } from "../fakes/apps/app.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { waitUntil } from "../fakes/wait.ts";

const REPOSITORY = "octo-org/api";
const DAY_MS = 24 * 60 * 60 * 1_000;
const RUNS = 290;

interface RepositoryResponse {
  readonly id: number;
  readonly backfill: { readonly state: string; readonly runs: number; readonly reason: unknown };
}

async function setUp() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await TemporaryFolder.create());
  const url = `sqlite:${folder.path}/runwire.db`;
  const environment = { DATABASE_URL: url, POLL_WHEN: "always" };
  const app = stack.use(new AppUnderTest({ environment }));
  app.world.addRepository({ full_name: REPOSITORY });
  const start = Date.now() - 80 * DAY_MS;
  addHistoricalRuns(
    app.world,
    REPOSITORY,
    Array.from({ length: RUNS }, (_, i) => start + i * 6 * 3_600_000),
  );
  await app.start();
  const all = stack.move();
  return {
    app,
    async follow(): Promise<RepositoryResponse> {
      const response = await fetch(`${app.url}/repositories`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ full_name: REPOSITORY, backfill_days: 90 }),
      });
      const fetchRepository = await response.json();
      assertEquals(response.status, 201, JSON.stringify(fetchRepository));
      return fetchRepository;
    },
    async fetchRepository(id: number): Promise<RepositoryResponse> {
      return await (await fetch(`${app.url}/repositories/${id}`)).json();
    },
    async count(): Promise<number> {
      await using database = await openDatabase(url, { clock: systemClock });
      return (await new SqlRunStore(database, systemClock).latest(REPOSITORY, 1_000)).length;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

Deno.test("POST /repositories with backfill_days imports past runs, also across a restart", async () => {
  await using setting = await setUp();
  const { app, fetchRepository } = setting;
  app.simulator.faults.add({ kind: "status", status: 502 }, {
    path: /created=.*[?&]page=2/,
    requests: 99,
  });
  const { id, backfill } = await setting.follow();
  assertEquals(backfill.state, "running");
  const isTried = () => app.simulator.requests.entries.some(({ status }) => status === 502);
  await waitUntil(isTried, "the second page is requested");
  await app.stopApp();
  app.simulator.faults.clear();

  await app.start();
  await waitUntil(
    async () => (await fetchRepository(id)).backfill.state === "done",
    "the backfill is done",
  );
  const { runs, reason } = (await fetchRepository(id)).backfill;
  assertEquals([runs, reason, await setting.count()], [RUNS, null, RUNS]);
  // Imported runs emit no events.
  assertEquals(app.events.filter(({ type }) => type === "run").length <= 20, true);
});

Deno.test("POST /repositories with backfill_days leaves a share of a low rate limit to other tasks", async () => {
  await using setting = await setUp();
  const { app, fetchRepository } = setting;
  app.simulator.rateLimits.set(TOKEN, { remaining: 1_200 });
  const { id } = await setting.follow();
  const { length } = app.simulator.requests.entries;
  await waitUntil(
    () => app.simulator.requests.entries.length > length + 10,
    "the latest runs are polled repeatedly",
  );
  const isPast = ({ path }: { path: string }) => path.includes("created=");
  assertEquals(app.simulator.requests.entries.filter(isPast), []);
  assertEquals((await fetchRepository(id)).backfill.state, "running");
});
