import { createClient } from "redis";
// @ts-types="@types/pg"
import pg from "pg";
import { createTestSchema } from "../../tests/fakes/postgres.ts";
import { REDIS_URL } from "../../tests/fakes/redis.ts";

/** An empty schema and Redis keys shared by the instances; both are removed on disposal. */
export interface SharedServices extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

export async function createSharedServices(): Promise<SharedServices> {
  const { url: databaseUrl, ...schema } = await createTestSchema();
  return {
    databaseUrl,
    redisUrl: REDIS_URL,
    async [Symbol.asyncDispose]() {
      for (const name of await installationNames(databaseUrl)) await removeKeys(`runwire:${name}:`);
      await schema[Symbol.asyncDispose]();
    },
  };
}

/** The installation name in the database, if the program has run: part of its Redis keys. */
async function installationNames(databaseUrl: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query("select to_regclass('installation') is not null as exists");
    if (!rows[0].exists) return [];
    return (await client.query("select name from installation")).rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function removeKeys(prefix: string): Promise<void> {
  const client = createClient({ url: REDIS_URL });
  await client.connect();
  try {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*` })) {
      if (keys.length > 0) await client.del(keys);
    }
  } finally {
    client.destroy();
  }
}
