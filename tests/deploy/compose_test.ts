import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import { z } from "zod";
import manifest from "../../deno.json" with { type: "json" };
import { envExample } from "../../deploy/env_example.ts";
import { readConfig } from "../../src/config.ts";
import { VARIABLE_NAMES } from "../../src/variables.ts";

const SERVICE = z.object({
  image: z.string(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal("ALL")]),
  cap_add: z.undefined().optional(),
  privileged: z.undefined().optional(),
  security_opt: z.array(z.string()),
  ports: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  user: z.string().optional(),
  volumes: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()),
  env_file: z.array(z.object({ path: z.string(), required: z.boolean() })).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.literal("service_healthy") }))
    .default({}),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }).optional(),
});
const COMPOSE = z.object({
  services: z.object({ app: SERVICE, postgres: SERVICE, redis: SERVICE }),
  volumes: z.record(z.string(), z.unknown()),
});

const TEXT = await Deno.readTextFile(new URL("../../deploy/compose.yaml", import.meta.url));
const { services, volumes } = COMPOSE.parse(parse(TEXT));

/** Replaces variables by their defaults. */
function interpolate(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{\w+:-(\w+)\}/g, "$1"),
    ]),
  );
}

Deno.test("compose.yaml gives services only the privileges they need", () => {
  for (const [name, { security_opt, ports }] of Object.entries(services)) {
    assertEquals(security_opt, ["no-new-privileges:true"], name);
    for (const port of ports) assertMatch(port, /^127\.0\.0\.1:(\d+):\1$/);
  }
  // The Dockerfile sets the user of Runwire's image.
  assertEquals([services.postgres.user, services.redis.user], ["postgres", "redis"]);
});

Deno.test("compose.yaml pins PostgreSQL 15 or later and Redis 7 or later", () => {
  const majorVersion = ({ image }: { readonly image: string }) =>
    Number(image.match(/:(\d+)\.\d+(\.\d+)?-\w+$/)?.[1]);
  assert(majorVersion(services.postgres) >= 15, services.postgres.image);
  assert(majorVersion(services.redis) >= 7, services.redis.image);
  assertEquals(services.app.image, `runwire:${manifest.version}`);
});

Deno.test("compose.yaml can start only PostgreSQL and Redis, without settings", () => {
  const { postgres, redis } = services;
  for (const service of [postgres, redis]) {
    assertEquals([service.depends_on, service.env_file, service.build], [{}, [], undefined]);
    assert(service.healthcheck);
  }
  const variables = [...TEXT.matchAll(/(?<!\$)\$\{?(\w+)(:-\w+)?\}?/g)];
  assert(variables.length >= 4);
  for (const [text, name = "", fallback] of variables) {
    assert(fallback, `${text} has no default`);
    assert(envExample().includes(`#${name}=`), `env.example does not name ${name}`);
  }
});

Deno.test("compose.yaml gives Runwire only settings that exist", () => {
  const { app, postgres, redis } = services;
  const environment = interpolate(app.environment);
  assertEquals(Object.keys(environment).filter((name) => !VARIABLE_NAMES.includes(name)), []);
  const config = readConfig({ ...environment, GITHUB_TOKEN: "a token" });
  const database = new URL(config.databaseUrl);
  const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = interpolate(postgres.environment);
  assertEquals(
    [database.host, database.pathname, database.username, database.password],
    ["postgres:5432", `/${POSTGRES_DB}`, POSTGRES_USER, POSTGRES_PASSWORD],
  );
  const shared = new URL(config.redisUrl ?? "");
  const { REDIS_PASSWORD } = interpolate(redis.environment);
  assertEquals([shared.host, shared.password], ["redis:6379", REDIS_PASSWORD]);
  assertEquals(app.ports, [`127.0.0.1:${config.server.port}:${config.server.port}`]);
  assertEquals(Object.keys(app.depends_on), ["postgres", "redis"]);
  assertEquals(app.env_file, [{ path: ".env", required: false }]);
});

Deno.test("compose.yaml stores the data of PostgreSQL and Redis in named volumes", () => {
  const used = Object.values(services).flatMap((service) => service.volumes);
  assertEquals(used, ["postgres:/var/lib/postgresql/data", "redis:/data"]);
  assertEquals(Object.keys(volumes), used.map((volume) => volume.split(":")[0] ?? ""));
});

Deno.test("deploy/.env with its secrets is neither in the repository nor in the build context", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  assert((await read(".gitignore")).split("\n").includes("/deploy/.env"));
  const [first, ...rest] = (await read("deploy/Dockerfile.dockerignore")).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assertEquals(first, "*");
  assertEquals(rest.filter((line) => /\.env|\.\*|\*$/.test(line)), []);
});
