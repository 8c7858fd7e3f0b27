import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { z } from "zod";
import { AppUnderTest } from "./fakes/apps/app.ts";

const Dashboard = z.object({
  panels: z.array(z.object({
    id: z.int(),
    targets: z.array(z.object({ expr: z.string() })).default([]),
  })),
});

const Alerts = z.strictObject({
  groups: z.array(z.strictObject({
    name: z.string(),
    rules: z.array(z.strictObject({
      alert: z.string(),
      expr: z.string(),
      for: z.string().regex(/^\d+[smh]$/).optional(),
      labels: z.strictObject({ severity: z.enum(["critical", "warning", "info"]) }),
      annotations: z.strictObject({ summary: z.string() }),
    })),
  })),
});

function readProjectFile(path: string): Promise<string> {
  return Deno.readTextFile(new URL(`../${path}`, import.meta.url));
}

async function readDashboard(): Promise<z.infer<typeof Dashboard>> {
  return Dashboard.parse(JSON.parse(await readProjectFile("deploy/grafana.json")));
}

async function readAlertRules() {
  const { groups } = Alerts.parse(parse(await readProjectFile("deploy/alerts.yaml")));
  return groups.flatMap((group) => group.rules);
}

/** The type of each metric of the program, by its name. */
async function fetchMetricTypes(): Promise<ReadonlyMap<string, string>> {
  await using app = await new AppUnderTest().start();
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
}

/** The metrics that a text names; those of a histogram without the suffix. */
function findMetricNames(text: string, known: ReadonlyMap<string, string>): Set<string> {
  const words = text.replaceAll(/"[^"]*"/g, "").match(/\b(runwire|process)_[a-z_]+\b/g) ?? [];
  return new Set(words.map((word) => {
    const base = word.replace(/_(bucket|sum|count)$/, "");
    return known.get(base) === "histogram" ? base : word;
  }));
}

Deno.test("The dashboard shows every metric and no unknown one", async () => {
  const known = await fetchMetricTypes();
  const { panels } = await readDashboard();
  const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n");
  assertEquals([...findMetricNames(shown, known)].sort(), [...known.keys()].sort());
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
});

Deno.test("Alert rules use known metrics, and the guide explains each rule", async () => {
  const known = await fetchMetricTypes();
  const guide = await readProjectFile("docs/observability.md");
  const all = await readAlertRules();
  assert(all.length > 10);
  for (const { alert, expr } of all) {
    const named = findMetricNames(expr, known);
    assert(named.size > 0, alert);
    for (const name of named) assert(known.has(name), `${alert} names ${name}`);
    assert(guide.includes(`\`${alert}\``), `The guide has no ${alert}`);
  }
  const alerts = guide.match(/`Runwire[A-Z]\w+`/g) ?? [];
  for (const named of alerts) {
    assert(all.some(({ alert }) => `\`${alert}\`` === named), `There is no ${named}`);
  }
});

Deno.test("The guide describes every metric and no unknown one", async () => {
  const known = await fetchMetricTypes();
  const guide = await readProjectFile("docs/observability.md");
  const described = [...guide.matchAll(/^\| `((?:runwire|process)_\w+)/gm)].map(([, name]) => name);
  assertEquals(described.sort(), [...known.keys()].sort());
});

Deno.test("Counters and histograms are only queried for their increase, gauges never", async () => {
  const known = await fetchMetricTypes();
  const exprs = [
    ...(await readAlertRules()).map(({ expr }) => expr),
    ...(await readDashboard()).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  for (const expr of exprs) {
    const grown = expr.match(/\b(rate|increase)\((\w+)/g) ?? [];
    const names = [...findMetricNames(grown.join("\n"), known)];
    for (const name of findMetricNames(expr, known)) {
      assertEquals(names.includes(name), known.get(name) !== "gauge", `${name} in ${expr}`);
    }
  }
});
