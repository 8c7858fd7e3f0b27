// `deno task bench:query [RUNS] [SECONDS] [DATABASE_URL…]`: latency of lists and statistics over a large database while
// deliveries arrive (bench/README.md).
import { ChildProcess } from "./child.ts";
import { processor } from "./proc_stats.ts";
import { markdownTable } from "./markdown.ts";
import { fillDatabase } from "./query/fill.ts";
import { createRequestKinds, type RequestKind } from "./query/request_kinds.ts";
import type { QueryResult } from "./query/load.ts";
import { existingDatabase, postgresDatabase, sqliteDatabase } from "./query/database.ts";
import { explainEndpoints } from "./query/query_plans.ts";
import type { EventLoopDelay } from "./query/runwire.ts";
import { print, printProgress } from "./console.ts";

const CLIENTS = 50;
const DELIVERIES_PER_SECOND = 50;
const WARM_UP_SECONDS = 2;
const FILES = 4_096;
const ALL_CORES = "0-1";
const LOAD_CORE = 1;
const HERE = new URL("./query/", import.meta.url).pathname;

/** A random start, because an existing database may contain the deliveries of an earlier benchmark. */
const MAX_FIRST_DELIVERY = 150_000;

const [runs = 1_000_000, seconds = 4] = Deno.args.slice(0, 2).map(Number);
const existingDatabases = Deno.args.slice(2).map((url) => () =>
  Promise.resolve(existingDatabase(url))
);
if (!(runs >= 1_000 && seconds >= 1)) {
  printProgress(
    `Invalid arguments "${Deno.args.join(" ")}": expected at least 1000 runs and 1 second`,
  );
  Deno.exit(2);
}

let failures = 0;
print(`${processor()}\nDeno ${Deno.version.deno}, ${runs} runs\n`);
for (
  const createDatabase of existingDatabases.length > 0
    ? existingDatabases
    : [sqliteDatabase, postgresDatabase]
) {
  const benchDatabase = await createDatabase();
  if (!benchDatabase) {
    printProgress("PostgreSQL is skipped: it is unavailable");
    continue;
  }
  await using database = benchDatabase;
  printProgress(`${database.name}: filling`);
  await fillDatabase(database.url, runs);
  const rows = await measureAll(database.url);
  print(`\n${database.name}\n`);
  print(markdownTable([
    ["request", "responses/s", "p50, ms", "p99, ms", "worst, ms", "KB", "loop p99", "blocked, ms"],
    ...rows,
  ]));
  print(`\n${markdownTable([["request", "plan"], ...await explainEndpoints(database.url)])}`);
}
Deno.exit(failures === 0 ? 0 : 1);

async function measureAll(url: string): Promise<readonly (readonly string[])[]> {
  await using server = ChildProcess.start(scriptCommand("runwire.ts", url), {
    files: FILES,
    core: ALL_CORES,
  });
  const port = (await server.read(60_000)).replace("listening ", "");
  const rows: (readonly string[])[] = [];
  let first = Math.floor(Math.random() * MAX_FIRST_DELIVERY);
  for (const kind of createRequestKinds()) {
    printProgress(`${kind.name}`);
    // Warm-up: the system may have evicted parts of the file from memory.
    await measure(server, { kind, port, first, seconds: WARM_UP_SECONDS });
    first += WARM_UP_SECONDS * DELIVERIES_PER_SECOND;
    const [result, delay] = await measure(server, { kind, port, first, seconds });
    first += Math.ceil(seconds * DELIVERIES_PER_SECOND);
    failures += result.failed;
    rows.push([
      kind.name,
      result.perSecond.toFixed(0),
      result.p50.toFixed(1),
      result.p99.toFixed(1),
      result.worst.toFixed(1),
      (result.bytes / 1_000).toFixed(1),
      delay.p99.toFixed(1),
      delay.max.toFixed(1),
    ]);
  }
  return rows;
}

async function measure(
  server: ChildProcess,
  { kind, port, first, seconds }: {
    readonly kind: RequestKind;
    readonly port: string;
    readonly first: number;
    readonly seconds: number;
  },
): Promise<[QueryResult, EventLoopDelay]> {
  const command = scriptCommand("load.ts", port, CLIENTS, seconds, DELIVERIES_PER_SECOND, first);
  await using load = ChildProcess.start(command, { files: FILES, core: `${LOAD_CORE}` });
  await readEventLoopDelay(server);
  await load.write(JSON.stringify(kind.paths));
  const result: QueryResult = JSON.parse(await load.read(seconds * 1_000 + 60_000));
  return [result, await readEventLoopDelay(server)];
}

async function readEventLoopDelay(server: ChildProcess): Promise<EventLoopDelay> {
  await server.write("");
  return JSON.parse(await server.read(10_000));
}

function scriptCommand(name: string, ...args: readonly (string | number)[]): readonly string[] {
  return [Deno.execPath(), "run", "-A", `${HERE}${name}`, ...args.map(String)];
}
