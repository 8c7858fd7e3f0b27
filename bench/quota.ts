// `deno task bench:quota`: the cost of clients in GitHub requests and rate-limit points (bench/README.md).
import { configureLog } from "../src/log.ts";
import { markdownTable } from "./markdown.ts";
import { measure, type Measurement } from "./quota/measure.ts";

const CLIENTS = [1, 100, 1_000];
const TABLE_HEAD = [
  "clients",
  "GitHub requests",
  "304 share",
  "points, first cycle",
  "points after it",
  "frames per client",
];

await configureLog("warning");
const rows: string[][] = [];
for (const clients of CLIENTS) {
  Deno.stderr.writeSync(
    new TextEncoder().encode(`${clients} clients, 10 simulated minutes in 30 s\n`),
  );
  rows.push(toRow(await measure(clients)));
}
Deno.stdout.writeSync(new TextEncoder().encode(`${markdownTable([TABLE_HEAD, ...rows])}\n`));

function toRow(m: Measurement): string[] {
  return [
    String(m.clients),
    String(m.requests),
    `${(100 * m.notModified / m.requests).toFixed(1)} %`,
    String(m.firstCyclePoints),
    String(m.laterPoints),
    m.minFrames === m.maxFrames ? String(m.maxFrames) : `${m.minFrames}–${m.maxFrames}`,
  ];
}
