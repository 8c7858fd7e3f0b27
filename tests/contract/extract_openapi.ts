// Extracts the operations that src/github uses from GitHub's published OpenAPI description, with every schema, example, header
// and response they refer to, into github_openapi.json in this folder. Run it by hand when the version below changes. The
// package has 385 MB, hence the separate cache folder:
//   DENO_DIR=.cache/deno deno run -A --no-lock tests/contract/extract_openapi.ts

const VERSION = "23.0.2";
const SOURCE = `npm:@octokit/openapi@${VERSION}/generated/api.github.com.json`;

const OPERATIONS = [
  ["get", "/user/repos"],
  ["get", "/installation/repositories"],
  ["get", "/repos/{owner}/{repo}/actions/runs"],
  ["get", "/repos/{owner}/{repo}/actions/runs/{run_id}"],
  ["post", "/app/installations/{installation_id}/access_tokens"],
] as const;

type Tree = Record<string, unknown>;

/** Not a literal, so that only running this script downloads the package. */
const { default: module } = await import(SOURCE, { with: { type: "json" } });
const specification = toTree(module);

const paths: Record<string, Tree> = {};
for (const [method, path] of OPERATIONS) {
  paths[path] = { ...paths[path], [method]: find(["paths", path, method]) };
}
const extract: Tree = {
  openapi: specification.openapi,
  info: {
    ...toTree(specification.info),
    "x-source": `@octokit/openapi ${VERSION}, MIT, api.github.com`,
  },
  servers: specification.servers,
  paths,
};
collect(paths);

const target = new URL("./github_openapi.json", import.meta.url);
await Deno.writeTextFile(target, JSON.stringify(extract, null, 2) + "\n");

/** Copies the components that `value` refers to, directly or indirectly. */
function collect(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, child] of Object.entries(value)) {
    if (name === "$ref" && typeof child === "string") copy(child);
    else collect(child);
  }
}

function copy(reference: string): void {
  const keys = reference.replace(/^#\//, "").split("/");
  const last = keys.pop();
  if (last === undefined) throw new Error(`${reference} refers to nothing`);
  let parent = extract;
  for (const key of keys) parent = toTree(parent[key] ??= {});
  if (last in parent) return;
  parent[last] = find([...keys, last]);
  collect(parent[last]);
}

function find(keys: readonly string[]): unknown {
  return keys.reduce<unknown>((node, key) => toTree(node)[key], specification);
}

function toTree(value: unknown): Tree {
  if (!isTree(value)) throw new TypeError(`The description of ${VERSION} is not as expected`);
  return value;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
