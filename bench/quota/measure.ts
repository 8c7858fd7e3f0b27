import { createApp } from "../../src/app.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { Simulator } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { acceleratedClock } from "./accelerated_clock.ts";
import { Clients } from "./clients.ts";

/** Low enough that GitHub's 10 s timeout is half a second of real time, which a busy machine meets. */
const SPEED_FACTOR = 20;
const POLLS = 50;
const POLL_INTERVAL_MS = 12_000;
const TOKEN = "ghp_bench";

export interface Measurement {
  readonly clients: number;
  readonly requests: number;
  readonly notModified: number;
  /** Rate-limit points: in the first cycle (a list of repositories and five fetches of their runs) and after it. */
  readonly firstCyclePoints: number;
  readonly laterPoints: number;
  /** Frames per client. */
  readonly minFrames: number;
  readonly maxFrames: number;
}

/** Runs the whole program for ten simulated minutes without changes on GitHub. */
export async function measure(count: number): Promise<Measurement> {
  const clock = acceleratedClock(SPEED_FACTOR);
  const simulator = new Simulator({ world: createQuietWorld(), clock, tokens: [TOKEN] });
  const stop = new AbortController();
  const github = simulator.listen({ hostname: "127.0.0.1", port: 0, signal: stop.signal });
  const config = readConfig({ GITHUB_TOKEN: TOKEN, GITHUB_API_URL: github.url, SERVER_PORT: "0" });
  await using database = await openDatabase("sqlite::memory:", { clock: systemClock });
  await migrate(database);
  const listening = Promise.withResolvers<string>();
  const app = createApp(config, {
    database,
    clock,
    random: Math.random,
    onListen: listening.resolve,
  });
  const stopApp = new AbortController();
  const running = app.run(stopApp.signal);

  const clients = new Clients();
  await clients.connect(await Promise.race([listening.promise, running.then(throwStopped)]), count);
  const firstRequestAt = simulator.requests.entries[0]?.at ?? clock.now();
  // Stops halfway between the last poll and the next one.
  await clock.sleep(firstRequestAt + (POLLS - 0.5) * POLL_INTERVAL_MS - clock.now());
  const { entries, counts: { requests, notModified, charged } } = simulator.requests;

  stopApp.abort();
  await running;
  stop.abort();
  await github.finished;
  await systemClock.sleep(0);

  const secondList = entries.findIndex(({ path }, at) => at > 0 && path === entries[0]?.path);
  const firstCyclePoints =
    entries.slice(0, secondList).filter(({ status }) => status !== 304).length;
  return {
    clients: count,
    requests,
    notModified,
    firstCyclePoints,
    laterPoints: charged - firstCyclePoints,
    ...clients.frameRange,
  };
}

/** More repositories and runs than a snapshot shows. */
function createQuietWorld(): World {
  const world = new World({ clock: systemClock });
  for (const name of ["api", "web", "worker", "docs"]) {
    const repository = world.addRepository({ full_name: `octo-org/${name}` });
    for (let run = 0; run < 3; run++) {
      world.addRun(repository.full_name, { status: "completed", conclusion: "success" });
    }
  }
  return world;
}

function throwStopped(): never {
  throw new Error("the program stopped unexpectedly");
}
