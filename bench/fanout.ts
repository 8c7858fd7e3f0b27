// `deno task bench:fanout [ROUNDS]`: the cost of sending one snapshot to many clients, compared with other servers
// (bench/README.md).
import { BASELINE, type Contender, prepare } from "./fanout/contenders.ts";
import { measure, type Measurement, SPARE_FILES } from "./fanout/measure.ts";
import { openFilesLimit, processor } from "./proc_stats.ts";
import { fanoutTable, type Series } from "./fanout/table.ts";
import { print, printProgress } from "./console.ts";

const CLIENTS = [1_000, 4_000];
const ROUNDS = Number(Deno.args[0] ?? 3);

if (!(ROUNDS >= 1)) {
  printProgress(`Invalid ROUNDS "${Deno.args[0]}": expected a number of at least 1`);
  Deno.exit(2);
}
const files = Math.max(...CLIENTS) + SPARE_FILES;
if (openFilesLimit() < files) {
  printProgress(
    `The limit of open files is ${openFilesLimit()}, but ${files} are needed. Raise the hard limit: as root ` +
      `\`prlimit --nofile=${files}:${files} --pid $$\` in this shell, in Docker \`--ulimit nofile=${files}\``,
  );
  Deno.exit(1);
}

const { contenders, versions, skipped } = await prepare();
const measurements = new Map<string, Measurement[]>();

for (const clients of CLIENTS) {
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contendersInOrder(round)) {
      printProgress(`${clients} clients, round ${round + 1} of ${ROUNDS}: ${contender.name}`);
      const key = `${contender.name} ${clients}`;
      measurements.set(key, [...measurements.get(key) ?? [], await measure(contender, clients)]);
    }
  }
}

const series: Series[] = CLIENTS.flatMap((clients) =>
  contenders.map(({ name }) => ({
    name,
    clients,
    rounds: measurements.get(`${name} ${clients}`) ?? [],
  }))
);
print(
  `${processor()}\n${
    versions.join(", ")
  }\nMedian of ${ROUNDS} rounds (min–max), × = ratio to ${BASELINE} in the same round\n`,
);
print(fanoutTable(series, BASELINE));
for (const note of skipped) print(note);
Deno.exit(series.some(({ rounds }) => rounds.some(({ lost }) => lost > 0)) ? 1 : 0);

/** Rotates and alternates the order, so that no server always follows the same one. */
function contendersInOrder(round: number): readonly Contender[] {
  const from = round % contenders.length;
  const order = [...contenders.slice(from), ...contenders.slice(0, from)];
  return round % 2 === 0 ? order : order.toReversed();
}
