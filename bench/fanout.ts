// `deno task bench:fanout [ROUNDS]`: what it costs to send one snapshot to many clients, side by side
// (bench/README.md).
import { type Contender, prepare, YARDSTICK } from "./fanout/contenders.ts";
import { measure, type Measurement, SPARE_FILES } from "./fanout/measure.ts";
import { openFilesLimit, processor } from "./proc.ts";
import { fanoutTable, type Series } from "./fanout/table.ts";
import { print, say } from "./output.ts";

const CLIENTS = [1_000, 4_000];
const ROUNDS = Number(Deno.args[0] ?? 3);

if (!(ROUNDS >= 1)) {
  say(`Cannot measure ${Deno.args[0]} rounds: allowed is a number from 1`);
  Deno.exit(2);
}
const files = Math.max(...CLIENTS) + SPARE_FILES;
if (openFilesLimit() < files) {
  say(
    `A process may open ${openFilesLimit()} files here and needs ${files}. Raise the hard limit: as root ` +
      `\`prlimit --nofile=${files}:${files} --pid $$\` in this shell, in Docker \`--ulimit nofile=${files}\``,
  );
  Deno.exit(1);
}

const { contenders, versions, absent } = await prepare();
const measured = new Map<string, Measurement[]>();

for (const clients of CLIENTS) {
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of orderOf(round)) {
      say(`${clients} clients, round ${round + 1} of ${ROUNDS}: ${contender.name}`);
      const key = `${contender.name} ${clients}`;
      measured.set(key, [...measured.get(key) ?? [], await measure(contender, clients)]);
    }
  }
}

const series: Series[] = CLIENTS.flatMap((clients) =>
  contenders.map(({ name }) => ({
    name,
    clients,
    rounds: measured.get(`${name} ${clients}`) ?? [],
  }))
);
print(
  `${processor()}\n${
    versions.join(", ")
  }\nMedian of ${ROUNDS} rounds (least–greatest), × = against ${YARDSTICK} in the same round\n`,
);
print(fanoutTable(series, YARDSTICK));
for (const sentence of absent) print(sentence);
Deno.exit(series.some(({ rounds }) => rounds.some(({ lost }) => lost > 0)) ? 1 : 0);

/** Each round begins with another server, every other one goes backwards: none always follows the same one. */
function orderOf(round: number): readonly Contender[] {
  const from = round % contenders.length;
  const order = [...contenders.slice(from), ...contenders.slice(0, from)];
  return round % 2 === 0 ? order : order.toReversed();
}
