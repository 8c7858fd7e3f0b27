import { assert, assertEquals } from "@std/assert";
import type { CompiledQuery } from "kysely";
import type { RepositoryQuery } from "../../src/repository/catalog.ts";
import { SqlCatalog } from "../../src/sql/catalog.ts";
import type { Database } from "../../src/sql/database.ts";
import type { Db } from "../../src/sql/handles.ts";
import { testOverDatabases } from "../fakes/database.ts";

const PAGE = { visibility: "all", page: 1, perPage: 30 } as const;

/** Returns the SQLite plans of the statements of a query. */
async function explainQueries(
  database: Database,
  runQuery: (catalog: SqlCatalog) => Promise<unknown>,
): Promise<readonly string[]> {
  const executed: CompiledQuery[] = [];
  const recording = (db: Db) =>
    db.withPlugin({
      transformQuery({ node, queryId }) {
        executed.push(db.getExecutor().compileQuery(node, queryId));
        return node;
      },
      transformResult: ({ result }) => Promise.resolve(result),
    });
  await runQuery(new SqlCatalog({ read: (query) => database.read((db) => query(recording(db))) }));
  assert(executed.length > 0);
  return await Promise.all(executed.map((query) => database.read((db) => explain(db, query))));
}

async function explain(db: Db, query: CompiledQuery): Promise<string> {
  const explained = { ...query, sql: `explain query plan ${query.sql}` };
  const { rows } = await db.executeQuery<{ detail: string }>(explained);
  return rows.map(({ detail }) => detail).join("; ");
}

const ONLY_SQLITE = { kinds: ["memory"] } as const;

for (const followed of [undefined, true, false]) {
  for (const sort of ["pushed", "name"] as const) {
    const query: RepositoryQuery = { ...PAGE, followed, sort, direction: "desc" };
    testOverDatabases(
      `Catalog.listRepositories() by ${sort} reads an index in order with followed=${followed}`,
      async (
        { database },
      ) => {
        const [counted, listed] = await explainQueries(
          database,
          (catalog) => catalog.listRepositories(query),
        );
        const which = followed === undefined ? "" : followed ? "followed_" : "not_followed_";
        const order = sort === "pushed" ? "push" : "name";
        assertEquals(listed, `SCAN repositories USING INDEX repositories_${which}by_${order}`);
        assert(counted?.includes("INDEX"), counted);
      },
      ONLY_SQLITE,
    );
  }
}

testOverDatabases(
  "Catalog.listWorkflows() reads an index in order, for all and for one repository",
  async (
    { database },
  ) => {
    const [, all] = await explainQueries(database, (catalog) => catalog.listWorkflows(PAGE));
    assertEquals(all, "SCAN workflows USING INDEX workflows_by_name");
    const query = { ...PAGE, repository: "octo/a" };
    const [counted, one] = await explainQueries(
      database,
      (catalog) => catalog.listWorkflows(query),
    );
    assertEquals(one, "SEARCH workflows USING INDEX workflows_by_name (<expr>=?)");
    assert(counted?.startsWith("SEARCH workflows USING COVERING INDEX"), counted);
  },
  ONLY_SQLITE,
);
