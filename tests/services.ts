import { createClient } from "redis";
import { findChromium } from "./fakes/clients/chromium.ts";
import { POSTGRES_URL, runStatement } from "./fakes/postgres.ts";
import { REDIS_URL } from "./fakes/redis.ts";

interface Service {
  readonly name: string;
  /** The address that the tests use, without credentials. */
  readonly place: string;
  /** A text in every test file that needs the service. */
  readonly usage: RegExp;
  /** Resolves to the version; fails if the service is not available. */
  readonly version: () => Promise<string>;
}

const SERVICES: readonly Service[] = [
  {
    name: "PostgreSQL",
    place: new URL(POSTGRES_URL).host,
    usage: /\b(isPostgresAvailable|testOverDatabases|DATABASE_KINDS|CLUSTER_KINDS|canRunCluster)\b/,
    version: async () =>
      String((await runStatement("show server_version"))[0]?.server_version).split(" ")[0] ?? "",
  },
  {
    name: "Redis",
    place: new URL(REDIS_URL).host,
    usage: /\b(isRedisAvailable|EVENT_BUSES|CLUSTER_KINDS|canRunCluster)\b/,
    version: redisVersion,
  },
  {
    name: "Chromium",
    place: "the PATH",
    usage: /\bfindChromium\b/,
    version: async () => await commandVersion(await findChromium() ?? "chromium", "--version"),
  },
  {
    name: "nginx",
    place: "the PATH",
    usage: /\bfindNginx\b/,
    version: () => commandVersion("nginx", "-v"),
  },
];

/** One line for each service: its version, or what happens to the tests that need it. */
export async function describeServices(): Promise<readonly string[]> {
  const sources = await Array.fromAsync(readTestFiles(new URL(".", import.meta.url)));
  return await Promise.all(SERVICES.map(async ({ name, place, usage, version }) => {
    try {
      return `  ${name} ${await version()} (${place})`;
    } catch {
      const count = sources.filter((source) => usage.test(source)).length;
      const files = `tests in ${count} ${count === 1 ? "file" : "files"}`;
      const effect = Deno.env.get("REQUIRE_SERVICES") === "1"
        ? `${files} fail (REQUIRE_SERVICES=1)`
        : `${files} are ignored; REQUIRE_SERVICES=1 makes them fail`;
      return `  ${name} not found (${place}): ${effect}`;
    }
  }));
}

async function redisVersion(): Promise<string> {
  const client = createClient({ url: REDIS_URL, socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  try {
    await client.connect();
    return findVersion(await client.info("server"));
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** The version that a command prints. */
async function commandVersion(command: string, flag: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(command, { args: [flag] }).output();
  const decoder = new TextDecoder();
  return findVersion(decoder.decode(stdout) + decoder.decode(stderr));
}

/** The first version number in a text. */
function findVersion(text: string): string {
  const version = text.match(/\d+\.\d+[\d.]*/)?.[0];
  if (version === undefined) throw new Error(`No version in: ${text}`);
  return version;
}

async function* readTestFiles(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* readTestFiles(new URL(`${name}/`, folder));
    else if (name.endsWith("_test.ts")) yield await Deno.readTextFile(new URL(name, folder));
  }
}
