import { assertEquals } from "@std/assert";

/** The rules of the grid: .github/CONTRIBUTING.md, docs/decisions/source_layout.md. */
const ROOT = new URL("../", import.meta.url);
const MAX_LINES = 300;

const SHARED_FILES = [
  "clock.ts",
  "errors.ts",
  "error_text.ts",
  "log.ts",
  "latency_histogram.ts",
  "loopback.ts",
  "lru_cache.ts",
  "random.ts",
  "service.ts",
  "single_flight.ts",
  "visibility.ts",
];
const NOUNS = [
  "run",
  "repository",
  "delivery",
  "feed",
  "message",
  "task",
  "cast",
  "account",
  "cluster",
];
const NOUN_IMPORTS = ["feed", "account", "repository"];

/** What a folder of src may import from src, besides SHARED and itself. Folders that are not named may import all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  feed: [],
  account: [],
  ...Object.fromEntries(
    NOUNS.filter((noun) => noun !== "feed" && noun !== "account").map((n) => [n, NOUN_IMPORTS]),
  ),
  github: NOUNS,
  sql: NOUNS,
  redis: NOUNS,
  http: NOUNS,
  prometheus: NOUNS,
  tracing: NOUNS,
  simulator: [],
  web: NOUNS,
};
const MAY_IMPORT_ALL = ["app.ts", "parts", "cli"];
/** Files of src itself, which everybody imports or nobody does. */
const ROOT_FILES: Readonly<Record<string, readonly string[]>> = {
  "clock.ts": [],
  "errors.ts": [],
  "error_text.ts": [],
  "latency_histogram.ts": [],
  "loopback.ts": [],
  "lru_cache.ts": [],
  "random.ts": [],
  "service.ts": [],
  "single_flight.ts": [],
  "visibility.ts": [],
  "redact.ts": [],
  "log.ts": ["redact.ts"],
  "std.d.ts": [],
  "variables.ts": ["errors.ts", "error_text.ts"],
  "config.ts": ["errors.ts", "variables.ts", "loopback.ts", "error_text.ts"],
};

/** Code that only some places may hold: [what, pattern, where it may stand]. */
const RESTRICTED_CODE: readonly (readonly [string, RegExp, RegExp])[] = [
  [
    "reads the time or sets a timer",
    /\b(Date\.now\(|new Date\(\)|setTimeout\(|setInterval\(|performance\.now\(|AbortSignal\.timeout\()/,
    /^src\/clock\.ts$/,
  ],
  ["knows GitHub's library", /from "@octokit\//, /^src\/github\//],
  ["sees a Request", /:\s*Request\b|Deno\.serve\(/, /^src\/(http|simulator)\//],
  ["knows Prometheus", /from "prom-client"/, /^src\/prometheus\//],
  ["knows OpenTelemetry", /"@opentelemetry\//, /^src\/tracing\//],
  ["sees SQL", /from "(kysely|node:sqlite|pg\b)/, /^src\/sql\//],
  ["reads the environment", /Deno\.env\b|process\.env\b/, /^src\/cli\/environment\.ts$/],
  ["is a default export", /^export default\b/m, /^$/],
];

interface SourceFile {
  /** From the project's root, for example `src/run/run.ts`. */
  readonly path: string;
  readonly text: string;
}

async function* walk(folder: string): AsyncGenerator<SourceFile> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory) yield* walk(`${folder}${entry.name}/`);
    else if (/\.[jt]sx?$|\.mjs$/.test(entry.name)) {
      const path = `${folder}${entry.name}`;
      yield { path, text: await Deno.readTextFile(new URL(path, ROOT)) };
    }
  }
}

async function sources(...folders: string[]): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const folder of folders) files.push(...await Array.fromAsync(walk(folder)));
  return files;
}

/** The first part of a path below src: a folder, or a file of src itself. */
function toPlace(path: string): string {
  return path.replace(/^src\//, "").split("/")[0] ?? "";
}

/** What of src a file imports, as places. */
function listImports({ path, text }: SourceFile): { target: string; place: string }[] {
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return [...specifiers].flatMap(([, specifier = ""]) => {
    const target = new URL(specifier, new URL(path, ROOT)).href.slice(ROOT.href.length);
    return target.startsWith("src/") ? [{ target, place: toPlace(target) }] : [];
  });
}

/** What is wrong with the imports of a file, in words. */
function findForbiddenImports(file: SourceFile): string[] {
  const own = toPlace(file.path);
  if (MAY_IMPORT_ALL.includes(own)) return [];
  const allowed = ROOT_FILES[own] ?? MAY_IMPORT[own];
  if (!allowed) return [`${file.path} stands in no known place`];
  return listImports(file)
    .filter(({ place }) => place !== own && ![...allowed, ...SHARED_FILES].includes(place))
    .map(({ target }) => `${file.path} imports ${target}`);
}

Deno.test("Every file imports only what its place in the grid allows", async () => {
  const files = await sources("src/");
  assertEquals(files.flatMap(findForbiddenImports), []);
});

Deno.test("The import rule names a file that breaks it", () => {
  const file = (path: string, specifier: string) =>
    findForbiddenImports({ path, text: `import { x } from "${specifier}";` });
  assertEquals(file("src/run/poller.ts", "../github/client.ts"), [
    "src/run/poller.ts imports src/github/client.ts",
  ]);
  assertEquals(file("src/http/ws.ts", "../github/client.ts").length, 1);
  assertEquals(file("src/feed/feed.ts", "../run/run.ts").length, 1);
  assertEquals(file("src/simulator/world.ts", "../run/run.ts").length, 1);
  assertEquals(file("src/misc/thing.ts", "../run/run.ts").length, 1);
  assertEquals(file("src/run/poller.ts", "../feed/audience.ts"), []);
  assertEquals(file("src/cli/serve.ts", "../app.ts"), []);
});

Deno.test("What belongs in one place stands nowhere else", async () => {
  const files = await sources("src/");
  const strays = files.flatMap(({ path, text }) =>
    RESTRICTED_CODE.filter(([, pattern, place]) => pattern.test(text) && !place.test(path))
      .map(([what]) => `${path} ${what}`)
  );
  assertEquals(strays, []);
});

Deno.test("No source file has over 300 lines", async () => {
  const files = await sources("src/", "tests/", "bench/", "deploy/");
  const tooLong = files
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
  assertEquals(tooLong, []);
});

Deno.test("No file or folder is called utils, helpers or common", async () => {
  const files = await sources("src/", "tests/", "bench/", "deploy/");
  assertEquals(files.filter(({ path }) => /\b(utils?|helpers?|common)\b/.test(path)), []);
});
