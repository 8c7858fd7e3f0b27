import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { GitHub } from "../../src/github/client.ts";
import { GitHubJobs } from "../../src/github/job.ts";
import { GitHubRuns } from "../../src/github/run.ts";
import { JobCollector } from "../../src/run/polling/job_collector.ts";
import { Simulator } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";
import { SqlJobStore } from "../../src/sql/run/job.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { TOKEN } from "../fakes/apps/app.ts";
import { testOverDatabases } from "../fakes/database.ts";

const FIVE_MINUTES_MS = 5 * 60_000;

testOverDatabases("JobCollector fetches the jobs of a run without webhooks once", async (
  { database },
) => {
  const clock = systemClock;
  const world = new World({ clock });
  const simulator = new Simulator({ world, clock, tokens: [TOKEN] });
  const stop = new AbortController();
  const { signal } = stop;
  const { url, finished } = simulator.listen({ hostname: "127.0.0.1", port: 0, signal });
  const github = new GitHub({ credential: { token: TOKEN }, baseUrl: url, version: "0", clock });
  const runs = new GitHubRuns(github);
  const collector = new JobCollector({
    source: new GitHubJobs(github.background(0.1)),
    store: new SqlJobStore(database),
    isNeeded: () => true,
    clock,
  });
  world.addRepository({ full_name: "octo/a" });
  const updated_at = new Date(clock.now() - FIVE_MINUTES_MS).toISOString();
  const { id } = world.addRun("octo/a", { status: "completed", updated_at });
  const store = new SqlRunStore(database, clock);
  await store.put(await runs.latest("octo/a", 1, signal));

  await collector.runOnce(signal);
  const detail = await new SqlRunHistory(database).detail(id, "all");
  assertEquals(detail?.jobs.map(({ name, status }) => [name, status]), [["build", "completed"]]);
  const { requests } = github;
  await collector.runOnce(signal);
  assertEquals(github.requests, requests);
  stop.abort();
  await finished;
}, { kinds: ["memory", "postgres"] });
