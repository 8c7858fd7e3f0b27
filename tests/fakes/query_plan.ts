import { CompiledQuery, type KyselyPlugin, type QueryId, type RootOperationNode } from "kysely";
import type { Db } from "../../src/sql/handles.ts";

/** Returns the plans of the statements that `work` runs, each as the lines of EXPLAIN. */
export async function explainQueries(
  db: Db,
  { explain, work }: { readonly explain: string; readonly work: (db: Db) => Promise<unknown> },
): Promise<readonly string[]> {
  const nodes = new Map<QueryId, RootOperationNode>();
  const executed: { readonly node: RootOperationNode; readonly queryId: QueryId }[] = [];
  const recorder: KyselyPlugin = {
    // Called for parts of statements, too, which have no result.
    transformQuery: ({ node, queryId }) => {
      nodes.set(queryId, node);
      return node;
    },
    transformResult: ({ result, queryId }) => {
      const node = nodes.get(queryId);
      if (node) executed.push({ node, queryId });
      return Promise.resolve(result);
    },
  };
  await work(db.withPlugin(recorder));
  const plans: string[] = [];
  for (const { node, queryId } of executed) {
    const { sql, parameters } = db.getExecutor().compileQuery(node, queryId);
    if (sql.startsWith("set ")) continue;
    const { rows } = await db.executeQuery<Record<string, unknown>>(
      CompiledQuery.raw(`${explain} ${sql}`, [...parameters]),
    );
    plans.push(rows.map((row) => row["detail"] ?? row["QUERY PLAN"]).join("\n"));
  }
  return plans;
}
