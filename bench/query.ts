// `deno task bench:query [RUNS] [SECONDS] [DATABASE_URL…]`: how fast lists and statistics are answered from a large store,
// while deliveries arrive (bench/README.md).
import { Child } from "./child.ts";
import { processor } from "./proc.ts";
import { markdown } from "./markdown.ts";
import { fill } from "./query/fill.ts";
import { type Kind, kinds } from "./query/kinds.ts";
import type { Asked } from "./query/load.ts";
import { givenDatabase, postgresDatabase, sqliteDatabase } from "./query/place.ts";
import { plans } from "./query/plans.ts";
import type { Stall } from "./query/runwire.ts";
import { print, say } from "./output.ts";

const CLIENTS = 50;
const DELIVERIES_PER_SECOND = 50;
const WARM_UP_SECONDS = 2;
const FILES = 4_096;
const ALL_CORES = "0-1";
const LOAD_CORE = 1;
const HERE = new URL("./query/", import.meta.url).pathname;

/** Deliveries have other numbers than those of a run before, of which a database that was given may know. */
const FIRST_DELIVERIES = 150_000;

const [runs = 1_000_000, seconds = 4] = Deno.args.slice(0, 2).map(Number);
const given = Deno.args.slice(2).map((url) => () => Promise.resolve(givenDatabase(url)));
if (!(runs >= 1_000 && seconds >= 1)) {
  say(`Cannot measure ${Deno.args.join(" ")}: allowed are at least 1000 runs, and 1 second`);
  Deno.exit(2);
}

let failures = 0;
print(`${processor()}\nDeno ${Deno.version.deno}, ${runs} runs\n`);
for (const make of given.length > 0 ? given : [sqliteDatabase, postgresDatabase]) {
  const place = await make();
  if (!place) {
    say("Leaving out PostgreSQL, which does not answer");
    continue;
  }
  await using database = place;
  say(`${database.name}: filling`);
  await fill(database.url, runs);
  const rows = await measureAll(database.url);
  print(`\n${database.name}\n`);
  print(markdown([
    ["asked", "answers/s", "p50, ms", "p99, ms", "worst, ms", "KB", "loop p99", "blocked, ms"],
    ...rows,
  ]));
  print(`\n${markdown([["asked", "plan"], ...await plans(database.url)])}`);
}
Deno.exit(failures === 0 ? 0 : 1);

async function measureAll(url: string): Promise<readonly (readonly string[])[]> {
  await using server = Child.start(script("runwire.ts", url), { files: FILES, core: ALL_CORES });
  const port = (await server.read(60_000)).replace("listening ", "");
  const rows: (readonly string[])[] = [];
  let first = Math.floor(Math.random() * FIRST_DELIVERIES);
  for (const kind of kinds()) {
    say(`${kind.name}`);
    // Once before: a system may have let go of what of the file was not read lately.
    await measure(server, { kind, port, first, seconds: WARM_UP_SECONDS });
    first += WARM_UP_SECONDS * DELIVERIES_PER_SECOND;
    const [asked, stall] = await measure(server, { kind, port, first, seconds });
    first += Math.ceil(seconds * DELIVERIES_PER_SECOND);
    failures += asked.refused;
    rows.push([
      kind.name,
      asked.perSecond.toFixed(0),
      asked.p50.toFixed(1),
      asked.p99.toFixed(1),
      asked.worst.toFixed(1),
      (asked.bytes / 1_000).toFixed(1),
      stall.p99.toFixed(1),
      stall.longest.toFixed(1),
    ]);
  }
  return rows;
}

async function measure(
  server: Child,
  { kind, port, first, seconds }: {
    readonly kind: Kind;
    readonly port: string;
    readonly first: number;
    readonly seconds: number;
  },
): Promise<[Asked, Stall]> {
  const command = script("load.ts", port, CLIENTS, seconds, DELIVERIES_PER_SECOND, first);
  await using load = Child.start(command, { files: FILES, core: `${LOAD_CORE}` });
  await stallSoFar(server);
  await load.write(JSON.stringify(kind.paths));
  const asked: Asked = JSON.parse(await load.read(seconds * 1_000 + 60_000));
  return [asked, await stallSoFar(server)];
}

async function stallSoFar(server: Child): Promise<Stall> {
  await server.write("");
  return JSON.parse(await server.read(10_000));
}

function script(name: string, ...args: readonly (string | number)[]): readonly string[] {
  return [Deno.execPath(), "run", "-A", `${HERE}${name}`, ...args.map(String)];
}
