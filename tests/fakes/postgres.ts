// @ts-types="@types/pg"
import pg from "pg";

/** The PostgreSQL of the tests. */
export const POSTGRES_URL = Deno.env.get("TEST_POSTGRES_URL") ??
  "postgres://postgres@127.0.0.1:5432/test";

/** Whether PostgreSQL answers. With REQUIRE_SERVICES=1 the answer is always yes, so that tests fail without it. */
export async function isPostgresAvailable(): Promise<boolean> {
  if (Deno.env.get("REQUIRE_SERVICES") === "1") return true;
  try {
    await runStatement("select 1");
    return true;
  } catch {
    return false;
  }
}

/** Runs one statement outside the schemas of tests. */
export async function runStatement(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 3_000 });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A new schema, dropped when it is disposed of; `url` selects it. */
export async function createTestSchema(): Promise<{ readonly url: string } & AsyncDisposable> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runStatement(`create schema ${name}`);
  const url = new URL(POSTGRES_URL);
  url.searchParams.set("options", `-c search_path=${name}`);
  return {
    // Not every URL parser decodes a plus as a space.
    url: url.href.replaceAll("+", "%20"),
    async [Symbol.asyncDispose]() {
      await runStatement(`drop schema ${name} cascade`);
    },
  };
}
