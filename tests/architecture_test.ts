import { assertEquals } from "@std/assert";

/** The rules of the source layout: .github/CONTRIBUTING.md, docs/decisions/source_layout.md. */
const ROOT = new URL("../", import.meta.url);
const MAX_LINES = 300;
const MAX_FILES_PER_FOLDER = 24;

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
/** The nouns that each noun may import; `feed` and `account` import none. */
const NOUN_IMPORTS = ["feed", "account", "repository"];

/** The folders that each folder of src may import, besides itself and the shared files of src. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(NOUNS.map((noun) => [noun, NOUN_IMPORTS])),
  feed: [],
  account: [],
  github: NOUNS,
  sql: NOUNS,
  redis: NOUNS,
  http: NOUNS,
  mcp: NOUNS,
  prometheus: NOUNS,
  tracing: NOUNS,
  web: ["http"],
};
const MAY_IMPORT_ALL = ["app.ts", "wiring", "cli"];
/** A simulated GitHub, which is not part of Runwire. */
const SIMULATOR_IMPORTS = ["errors.ts", "log.ts", "clock.ts"];

/** The files of src that every folder may import, each with the files of src that it may import. */
const SHARED_FILES: Readonly<Record<string, readonly string[]>> = {
  "clock.ts": [],
  "errors.ts": [],
  "error_text.ts": [],
  "latency_histogram.ts": ["clock.ts"],
  "log.ts": ["redact.ts"],
  "loopback.ts": [],
  "random.ts": [],
  "service.ts": [],
  "single_flight.ts": [],
  "visibility.ts": [],
};
/** The files of src that only app.ts, cli and the named files import. */
const ROOT_FILES: Readonly<Record<string, readonly string[]>> = {
  "redact.ts": [],
  "std.d.ts": [],
  "variables.ts": ["errors.ts", "error_text.ts"],
  "config.ts": ["errors.ts", "error_text.ts", "loopback.ts", "variables.ts"],
};

/** Code that only some files may contain: [name, pattern, allowed files]. */
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

/** The files of src that a file imports, from the project's root. */
function listImports({ path, text }: SourceFile): string[] {
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return [...specifiers]
    .map(([, specifier = ""]) =>
      new URL(specifier, new URL(path, ROOT)).href.slice(ROOT.href.length)
    )
    .filter((target) => target.startsWith("src/"));
}

function allowedPlaces(place: string): readonly string[] | undefined {
  if (place === "simulator") return SIMULATOR_IMPORTS;
  const folders = MAY_IMPORT[place];
  return folders
    ? [...folders, ...Object.keys(SHARED_FILES)]
    : SHARED_FILES[place] ?? ROOT_FILES[place];
}

/** The forbidden imports of a file, in words. */
function findForbiddenImports(file: SourceFile): string[] {
  const own = toPlace(file.path);
  if (MAY_IMPORT_ALL.includes(own)) return [];
  const allowed = allowedPlaces(own);
  if (!allowed) return [`${file.path} is in no known place`];
  return listImports(file)
    .filter((target) => toPlace(target) !== own && !allowed.includes(toPlace(target)))
    .map((target) => `${file.path} imports ${target}`);
}

/** The import cycles among files, each as `a.ts -> b.ts -> a.ts`, one for every edge that closes a cycle. */
function findCycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, listImports(file)]));
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    } else if (!finished.has(path)) {
      for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
      finished.add(path);
    }
  };
  for (const path of imports.keys()) visit(path, []);
  return cycles;
}

Deno.test("Every file imports only the folders that its own folder may import", async () => {
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
  assertEquals(file("src/simulator/world.ts", "../visibility.ts").length, 1);
  assertEquals(file("src/cluster/lease.ts", "../run/run.ts").length, 1);
  assertEquals(file("src/web/page.ts", "../run/run.ts").length, 1);
  assertEquals(file("src/feed/feed.ts", "../config.ts").length, 1);
  assertEquals(file("src/run/poller.ts", "../feed/feed.ts"), []);
  assertEquals(file("src/cli/serve.ts", "../app.ts"), []);
});

Deno.test("No import cycles", async () => {
  assertEquals(findCycles(await sources("src/")), []);
});

Deno.test("The cycle check names the files of a cycle", () => {
  const file = (name: string, ...imports: string[]) => ({
    path: `src/feed/${name}.ts`,
    text: imports.map((each) => `import { x } from "./${each}.ts";`).join("\n"),
  });
  assertEquals(findCycles([file("a", "b", "c"), file("b", "c"), file("c")]), []);
  assertEquals(findCycles([file("a", "b"), file("b", "c"), file("c", "b")]), [
    "src/feed/b.ts -> src/feed/c.ts -> src/feed/b.ts",
  ]);
});

Deno.test("No folder of src has too many files", async () => {
  const files = await sources("src/");
  const folders = Map.groupBy(files, ({ path }) => path.slice(0, path.lastIndexOf("/")));
  const tooFull = [...folders].filter(([, inside]) => inside.length > MAX_FILES_PER_FOLDER)
    .map(([folder, inside]) => `${folder} has ${inside.length} files`);
  assertEquals(tooFull, []);
});

Deno.test("Restricted code is only in its place", async () => {
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
