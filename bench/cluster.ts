// `deno task bench:cluster [ROUNDS]`: latency and throughput of messages to all clients of one and two instances, through
// PostgreSQL and Redis, compared with another server (bench/README.md).
import { isPostgresAvailable } from "../tests/fakes/postgres.ts";
import { isRedisAvailable } from "../tests/fakes/redis.ts";
import { prepare } from "./cluster/contenders.ts";
import { measure, type Measurement, type Setup, SPARE_FILES } from "./cluster/measure.ts";
import { latencyTable, rateTable, type Series } from "./cluster/table.ts";
import { print, printProgress } from "./console.ts";
import { openFilesLimit, processor } from "./proc_stats.ts";

const SIZES = [
  { instances: 1, clients: 1_000 },
  { instances: 1, clients: 2_000 },
  { instances: 2, clients: 2_000 },
];
const ROUNDS = Number(Deno.args[0] ?? 1);
if (!(ROUNDS >= 1)) {
  printProgress(`Invalid ROUNDS "${Deno.args[0]}": expected a number of at least 1`);
  Deno.exit(2);
}
const files = Math.max(...SIZES.map(({ clients }) => clients)) + SPARE_FILES;
if (openFilesLimit() < files) {
  printProgress(
    `The limit of open files is ${openFilesLimit()}, but ${files} are needed: raise the hard limit`,
  );
  Deno.exit(1);
}
if (!await isPostgresAvailable() || !await isRedisAvailable()) {
  printProgress(
    "PostgreSQL and Redis are required: set TEST_POSTGRES_URL and TEST_REDIS_URL",
  );
  Deno.exit(1);
}

const { contenders, versions, skipped } = await prepare();
const setups: readonly Setup[] = SIZES.flatMap((size) =>
  contenders.map((contender) => ({ contender, ...size }))
);
const measurements = new Map<Setup, Measurement[]>(setups.map((setup) => [setup, []]));
const failures: string[] = [];
for (let round = 1; round <= ROUNDS; round++) {
  // Alternating order, because the speed of the machine drifts.
  for (const setup of round % 2 ? setups : setups.toReversed()) {
    const name = `${setup.contender.name}, ${setup.instances} × ${setup.clients / setup.instances}`;
    printProgress(`round ${round} of ${ROUNDS}: ${name} clients`);
    try {
      measurements.get(setup)?.push(await measure(setup));
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

const all: Series[] = contenders
  .flatMap((contender) => setups.filter((setup) => setup.contender === contender))
  .map((setup) => ({ ...setup, rounds: measurements.get(setup) ?? [] }))
  .filter(({ rounds }) => rounds.length > 0);
print(`${processor()}\n${versions.join(", ")}\n\nLatency to the last client at a constant rate:\n`);
print(latencyTable(all));
print("\nMaximum throughput:\n");
print(rateTable(all));
for (const note of [...failures, ...skipped ? [skipped] : []]) print(`\n${note}`);
Deno.exit(failures.length > 0 || all.some(hasFailed) ? 1 : 0);

function hasFailed({ contender, rounds }: Series): boolean {
  return rounds.some(({ faults: { lost, repeated, disordered } }) =>
    lost > 0 || repeated > 0 || (contender.isOrdered && disordered > 0)
  );
}
